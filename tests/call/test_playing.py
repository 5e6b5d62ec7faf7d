"""The player: one sound at a time with FreeSWITCH, and a stop that is never lost."""

from fsflows.call.audio import File, Silence, Speech
from fsflows.call.playing import BREAK_GUARD, Ending, Player
from fsflows.call.sent import LATE
from fsflows.esl.quoting import UnsafeValue


class Desk:
    """A player and the FreeSWITCH that it believes to talk to."""

    def __init__(self):
        self.sent = []
        self.breaks = 0
        self.ended = []
        self.now = 0.0
        self.player = Player(self._execute, self._break, self._over, lambda: self.now)

    def _execute(self, sound):
        if "@@" in getattr(sound, "path", ""):
            raise UnsafeValue("the path", "has '@@'")
        self.sent.append(sound)
        return f"u{len(self.sent)}"

    def _break(self):
        self.breaks += 1

    def _over(self, playback, at):
        self.ended.append((playback.ending, at))

    def ask(self):
        """The time comes to ask about what has not begun; the application that asks, or "" for none."""
        sent = len(self.sent)
        self.now = self.player.guard or self.now
        self.player.check_guard(self.now)
        assert all(sound is None for sound in self.sent[sent:])
        return f"u{len(self.sent)}" if len(self.sent) > sent else ""

    def start(self, at=0.0):
        self.player.started(f"u{len(self.sent)}", at)

    def finish(self, response="FILE PLAYED", terminator="", at=0.0):
        return self.player.finished(f"u{len(self.sent)}", response, terminator, at)


def test_sounds_are_played_one_after_another():
    desk = Desk()
    playback = desk.player.play([File("a.wav"), File("b.wav")])
    assert [File("a.wav")] == desk.sent
    desk.start()
    desk.finish()
    assert [File("a.wav"), File("b.wav")] == desk.sent
    desk.start()
    assert playback.ending is None
    desk.finish(at=3.0)
    assert [(Ending.PLAYED, 3.0)] == desk.ended


def test_a_second_playback_waits_for_the_first():
    desk = Desk()
    desk.player.play([File("a.wav")])
    desk.player.play([File("b.wav")])
    assert [File("a.wav")] == desk.sent
    desk.start()
    desk.finish()
    assert [File("a.wav"), File("b.wav")] == desk.sent


def test_a_stop_before_the_start_is_kept_until_the_start():
    """A break that comes before the application has started is lost in FreeSWITCH, and the file plays whole."""
    desk = Desk()
    desk.player.play([File("a.wav")])
    desk.player.stop(0.0)
    assert 0 == desk.breaks
    desk.start()
    assert 1 == desk.breaks
    desk.finish()
    assert [(Ending.STOPPED, 0.0)] == desk.ended
    assert not desk.player.playing


def test_a_stop_drops_what_is_queued_with_one_break():
    desk = Desk()
    desk.player.play([File("a.wav"), File("b.wav")])
    desk.player.play([File("c.wav")])
    desk.start()
    desk.player.stop(0.0)
    desk.player.stop(0.0)
    desk.finish()
    assert 1 == desk.breaks
    assert [File("a.wav")] == desk.sent
    assert [Ending.STOPPED, Ending.STOPPED] == [ending for ending, _ in desk.ended]


def test_a_key_that_freeswitch_stops_on_sends_nothing():
    desk = Desk()
    desk.player.play([File("a.wav"), File("b.wav")])
    desk.start()
    desk.player.stop(1.0, by_key=True)
    desk.finish(terminator="5", at=1.0)
    assert 0 == desk.breaks
    assert [(Ending.KEY, 1.0)] == desk.ended
    assert desk.player.guard is None


def test_a_sound_that_its_terminator_did_not_stop_gets_a_break():
    desk = Desk()
    desk.player.play([File("a.wav")])
    desk.start()
    desk.player.stop(1.0, by_key=True)
    assert desk.player.check_guard(1.0) is False
    assert desk.player.check_guard(1.0 + BREAK_GUARD) is True
    assert desk.player.check_guard(1.0 + 2 * BREAK_GUARD) is False
    assert 1 == desk.breaks


def test_a_missing_file_does_not_silence_the_rest():
    desk = Desk()
    playback = desk.player.play([File("gone.wav"), Speech("hello")])
    desk.finish("FILE NOT FOUND")
    assert [File("gone.wav"), Speech("hello")] == desk.sent
    desk.finish("_none_")
    assert Ending.PLAYED == playback.ending


def test_a_sound_that_can_not_be_sent_does_not_silence_the_rest():
    desk = Desk()
    playback = desk.player.play([File("a@@b.wav"), File("b.wav")])
    assert [File("b.wav")] == desk.sent
    desk.start()
    desk.finish()
    assert Ending.PLAYED == playback.ending
    assert Ending.FAILED == desk.player.play([File("a@@b.wav")]).ending
    assert not desk.player.playing


def test_a_prompt_of_missing_files_has_failed():
    desk = Desk()
    playback = desk.player.play([Silence(0.5), File("gone.wav")])
    desk.finish()
    desk.finish("FILE NOT FOUND")
    assert Ending.FAILED == playback.ending


def test_a_prompt_of_nothing_is_over_at_once_and_lets_the_next_one_begin():
    desk = Desk()
    desk.now = 4.0
    assert Ending.PLAYED == desk.player.play([]).ending
    desk.player.play([File("a.wav")])
    assert [File("a.wav")] == desk.sent


def test_completions_of_others_are_not_ours():
    desk = Desk()
    desk.player.play([File("a.wav")])
    assert desk.player.finished("somebody-else", "FILE PLAYED", "", 0.0) is False
    assert desk.player.playing


def test_the_end_of_the_call_ends_every_playback():
    desk = Desk()
    desk.player.play([File("a.wav")])
    desk.player.play([File("b.wav")])
    desk.player.abandon(9.0)
    assert [(Ending.STOPPED, 9.0), (Ending.STOPPED, 9.0)] == desk.ended


def test_what_is_queued_after_the_stop_is_played():
    """The next prompt may be queued before FreeSWITCH has said that the interrupted one has ended."""
    desk = Desk()
    first = desk.player.play([File("a.wav")])
    behind = desk.player.play([File("b.wav")])
    desk.start()
    desk.player.stop(1.0, by_key=True)
    then = desk.player.play([File("c.wav")])
    desk.finish(terminator="5", at=1.1)
    assert [File("a.wav"), File("c.wav")] == desk.sent
    assert (Ending.KEY, Ending.KEY, None) == (first.ending, behind.ending, then.ending)
    desk.start()
    desk.finish(at=2.0)
    assert Ending.PLAYED == then.ending


def test_what_a_key_has_cut_is_played_again_before_what_has_begun_behind_it():
    desk = Desk()
    first = desk.player.play([File("a.wav"), File("b.wav")])
    then = desk.player.play([File("c.wav")])
    desk.start()
    desk.finish(terminator="5", at=1.0)
    assert first.cut
    desk.player.play_again(first)
    assert 0 == desk.breaks  # it would be lost before the start
    desk.start()
    assert 1 == desk.breaks
    for _ in range(4):
        desk.finish(at=2.0)
        desk.start()
    played = ["a.wav", "c.wav", "a.wav", "b.wav", "c.wav"]
    assert [File(each) for each in played] == desk.sent
    assert (Ending.PLAYED, 1) == (then.ending, desk.breaks)


def test_a_key_that_counts_stops_what_is_about_to_be_played_again():
    desk = Desk()
    first = desk.player.play([File("a.wav")])
    desk.player.play([File("b.wav")])
    desk.start()
    desk.finish(terminator="5")
    desk.player.play_again(first)
    desk.player.stop(1.0, by_key=True)
    desk.start()
    desk.finish(terminator="1")
    assert [File("a.wav"), File("b.wav")] == desk.sent
    assert not desk.player.playing
    desk.player.play([File("c.wav")])
    desk.start()
    desk.finish()
    assert [Ending.KEY, Ending.KEY, Ending.KEY, Ending.PLAYED] == [each for each, _ in desk.ended]


def test_what_is_stopped_on_request_was_not_cut():
    desk = Desk()
    playback = desk.player.play([File("a.wav")])
    desk.start()
    desk.player.stop(1.0, by_key=True)
    desk.finish(terminator="5")
    assert not playback.cut


def test_a_key_around_the_beginning_of_a_sound_gets_a_break_at_once():
    """FreeSWITCH may have taken the key just before; then it stops nothing by itself."""
    for began, pressed, breaks in ((None, 1.0, 1), (1.0, 1.01, 1), (1.0, 1.05, 0)):
        desk = Desk()
        desk.player.play([File("a.wav")])
        if began is not None:
            desk.start(began)
        desk.player.stop(1.1, by_key=True, since=pressed)
        desk.start(1.1)
        assert breaks == desk.breaks
        assert desk.player.guard is not None


def test_a_sound_that_somebody_has_dropped_is_played_again():
    """`uuid_break all` of others: FreeSWITCH forgets what waits, and says nothing."""
    desk = Desk()
    playback = desk.player.play([File("a.wav"), File("b.wav")])
    asked = desk.ask()
    assert LATE == desk.now
    desk.player.started(asked, 2.0)  # FreeSWITCH keeps the order: the sound is not there any more
    assert [File("a.wav"), None, File("a.wav")] == desk.sent
    desk.start()
    desk.finish()
    assert File("b.wav") == desk.sent[-1]
    desk.start()
    desk.finish(at=5.0)
    assert [(Ending.PLAYED, 5.0)] == desk.ended
    assert 2 == playback.heard


def test_a_sound_that_waits_behind_something_of_others_is_left_in_peace():
    desk = Desk()
    desk.player.play([File("a.wav")])
    first, at = desk.ask(), desk.now
    desk.ask()
    assert desk.now - at == LATE
    desk.ask()
    assert desk.now - at == 3 * LATE  # twice as long each time
    # What the others had is over, and now somebody drops the rest.
    desk.player.others_ended(desk.now)
    at = desk.now
    last = desk.ask()
    assert desk.now - at == LATE
    desk.player.started(first, desk.now)
    assert desk.sent.count(File("a.wav")) == 1
    desk.player.started(last, desk.now)
    assert desk.sent.count(File("a.wav")) == 2


def test_what_was_asked_about_an_earlier_sound_says_nothing_of_the_next():
    desk = Desk()
    desk.player.play([File("a.wav"), File("b.wav")])
    asked = desk.ask()
    desk.player.started("u1", 1.0)
    assert desk.player.guard is None
    desk.player.finished("u1", "FILE PLAYED", "", 2.0)
    desk.player.started(asked, 2.0)
    assert [File("a.wav"), None, File("b.wav")] == desk.sent


def test_a_dropped_sound_that_was_to_stop_has_stopped():
    desk = Desk()
    desk.player.play([File("a.wav")])
    desk.player.stop(0.5, by_key=True)
    desk.player.play([File("b.wav")])
    desk.player.started(desk.ask(), 1.0)
    assert [(Ending.KEY, 1.0)] == desk.ended
    assert File("b.wav") == desk.sent[-1]
