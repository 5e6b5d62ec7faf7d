"""Small flows made up at random: any settings that `fsflows check` lets pass, and functions that do all they may do."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import yaml

FUNCTIONS = """
from fsflows import GetDtmfTask


def start(conv):
    return {"utterance": "Hello."}


def start_slowly(conv):
    conv._engine.clock.sleep(3)


def start_badly(conv):
    raise ValueError("no")


def start_asking(conv):
    conv.state.asked = conv.collect(num_digits=2, attempts=1).user_input


def end(conv):
    conv.log.info("over", turns=[turn.to_dict() for turn in conv.history])


def end_badly(conv):
    getattr(conv, "discard" + "_recording")()


def speaks(conv, flow):
    conv.say("Let me see.")
    return {"utterance": "So that is that."}


def slow(conv, flow):
    conv._engine.clock.sleep(1.7)


def hangs(conv, flow):
    conv._engine.clock.sleep(600)


def fails(conv, flow):
    raise ValueError(f"not {conv.history[-1].text}")


def returns_nonsense(conv, flow):
    return 17


def discards(conv, flow):
    conv.discard_recording()
    return "This call is not recorded."


def goes(conv, flow):
    flow.goto_step("one")


def leaves(conv, flow):
    conv.exit_flow()


def hands_off(conv, flow):
    conv.call_handoff("desk", reason="asked")


def hangs_up(conv, flow):
    return {"utterance": "Goodbye.", "hangup": True}


def asks(conv, flow):
    task = GetDtmfTask(num_digits=3, ask_for_confirmation=True, dtmf_input_timeout=2.0, attempts=2)
    conv.write_metric("asked", task.run(conv).user_input)


def listens(conv, flow):
    conv.state.rounds = (conv.state.rounds or 0) + 1
    if conv.state.rounds < 3:
        return {"utterance": "Once more.", "listen": {"dtmf": {"num_digits": 2}}}


def writes(conv, flow):
    last = conv.history[-1]
    conv.write_metric("last", last.text)
    conv.log.info("last", text=last.text, turns=[turn.to_string() for turn in conv.history])


def pauses(conv, flow):
    conv.pause_recording()
    conv.resume_recording()


def even(conv, digits):
    return str(digits)[-1:] in "02468"


def complains(conv, digits):
    conv._engine.clock.sleep(1.0)
    return "That was not it."


def breaks(conv, digits):
    raise ValueError(digits)
"""
RUN = ["speaks", "slow", "hangs", "fails", "returns_nonsense", "discards", "goes", "leaves", "hands_off", "hangs_up", "asks", "listens", "writes", "pauses"]  # fmt: skip
STEPS = ("one", "two", "three", "four")
PRIVATE_DIGITS = 8
"""A private number is so long that it does not turn up by chance."""


def flow(seed: int) -> str:
    """A flow's YAML. Not every one can be loaded: settings may contradict each other."""
    return yaml.safe_dump(_Maker(random.Random(seed)).flow(), sort_keys=False, allow_unicode=True)


class _Maker:
    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.names = STEPS[: rng.randint(1, 4)]
        self.escape = self.maybe(0.4)

    def maybe(self, chance: float) -> bool:
        return self.rng.random() < chance

    def flow(self) -> dict[str, Any]:
        rng = self.rng
        made: dict[str, Any] = {"steps": {name: self.step() for name in self.names}}
        made["handoffs"] = {"desk": self.handoff()}
        if self.maybe(0.3):
            made["language"] = rng.choice(["en-GB", "en-IN", "es-ES", "fr-FR", "de-DE"])
        if self.maybe(0.3):
            made["greeting"] = "Welcome, and thank you for calling."
        if self.maybe(0.4):
            made["recording"] = rng.choice([True, True, {"start": "step:one"}])
        if self.escape:
            made["escape"] = {"keys": "0", "words": ["operator"], "then": self.action()}
        if self.maybe(0.5):
            made["start_function"] = rng.choice(
                ["start", "start_slowly", "start_badly", "start_asking"]
            )
        if self.maybe(0.3):
            made["end_function"] = rng.choice(["end", "end_badly"])
        if self.maybe(0.3):
            made["fallback"] = rng.choice([{"handoff": "desk"}, {"say": "Bye.", "hangup": True}])
        if self.maybe(0.3):
            made["delay"] = {"after": 0.7, "say": ["One moment.", "Still looking."]}
        if self.maybe(0.3):
            made["on_exit"] = self.action(exits=False)
        made["function_timeout"] = 3
        return made

    def handoff(self) -> dict[str, Any]:
        targets = {
            "transfer": "5000 XML default",
            "bridge": "user/1000",
            "refer": "sip:a@b.example",
        }
        method = self.rng.choice(list(targets))
        return {method: targets[method], **({"say": "Moving you."} if self.maybe(0.5) else {})}

    def step(self) -> dict[str, Any]:
        rng = self.rng
        made: dict[str, Any] = {"prompt": self.prompt()}
        if self.maybe(0.9):
            made |= self.collecting()
            rows = dict(self.rows(made["dtmf"]["num_digits"]))
            if rows and "validate" not in made:
                made["on"] = rows
        if self.maybe(0.3):
            made["run"] = rng.choice(RUN)
        made["next"] = self.action()
        return made

    def prompt(self) -> Any:
        texts = [
            "Yes?",
            "Please key or say your number.",
            "This is a prompt that says a lot of things, one after the other, and takes its time.",
        ]
        if self.maybe(0.1):
            return ""
        if self.maybe(0.2):
            return [
                "You said {digits}.",
                {"silence": 0.3},
                {"play": "tone.wav"},
                "Now the next one.",
            ]
        return self.rng.choice(texts)

    def collecting(self) -> dict[str, Any]:
        rng = self.rng
        private = self.maybe(0.2)
        most = PRIVATE_DIGITS if private else rng.choice([1, 1, 1, 2, 4, 4, 6, -1])
        dtmf: dict[str, Any] = {"num_digits": most}
        if private:
            dtmf["is_pii"] = True
        elif most > 1 and self.maybe(0.4):
            dtmf["min_digits"] = rng.randint(1, most)
        if most == -1 or (most > 1 and self.maybe(0.4)):
            dtmf["end_key"] = rng.choice(["#", "#", "*#"])
        if dtmf.get("end_key") != "*#" and most > 1 and self.maybe(0.3):
            dtmf["clear_key"] = "*"
        for name in ("first_digit_timeout", "inter_digit_timeout"):
            if self.maybe(0.4):
                dtmf[name] = rng.choice([0.5, 1, 3])
        if self.maybe(0.1):
            dtmf["collection_timeout"] = rng.choice([1, 6])
        if self.maybe(0.4):
            dtmf["barge_in"] = rng.choice(["interrupt", "collect", "ignore"])
        if self.maybe(0.2):
            dtmf["type_ahead"] = "flush"
        if self.maybe(0.3):
            dtmf["policy"] = rng.choice(["keys_win", "first_wins"])
        if self.maybe(0.1):
            dtmf["allow_letters"] = True
        made: dict[str, Any] = {"dtmf": dtmf, "asr": self.asr(most)}
        if self.maybe(0.3) and not private:
            made["validate"] = self.validation(most)
        if self.maybe(0.3):
            made["confirm"] = rng.choice(
                ["always", "when_unsure", {"when": "always", "asks": 1, "timeout": 2}]
            )
        if self.maybe(0.6):
            made["retry"] = self.retry(speech=made["asr"] is not False)
        return made

    def asr(self, most: int) -> Any:
        if self.maybe(0.25):
            return False
        made: dict[str, Any] = {}
        if self.maybe(0.2):
            made["preset"] = self.rng.choice(["yes_no", "single_number", "alphanumeric"])
        if self.maybe(0.3):
            made["barge_in_words"] = self.rng.choice([1, 2, False])
        if self.maybe(0.2):
            made["settle_time"] = self.rng.choice([0.1, 1.0])
        if self.maybe(0.3):
            first, second = ("1" * abs(most), "2" * abs(most))
            made["words"] = {first: ["zebra", "lama"], second: ["zebra crossing"]}
        return made

    def validation(self, most: int) -> dict[str, Any]:
        rules: list[dict[str, Any]] = [
            {"pattern": "[1-5].*"},
            {"function": self.rng.choice(["even", "complains", "breaks"])},
            {"check": "luhn"},
        ]
        if most == 1:
            rules.append({"values": ["1", "2", "*"]})
        return self.rng.choice(rules)

    def retry(self, *, speech: bool) -> dict[str, Any]:
        made: dict[str, Any] = {"attempts": self.rng.randint(1, 3)}
        if self.maybe(0.5):
            made["no_input"] = "Nothing heard."
        if self.maybe(0.5):
            made["no_match"] = ["That is wrong.", "That is still wrong."]
        if self.maybe(0.3):
            made["repeat_prompt"] = True
        if speech and made["attempts"] > 1 and self.maybe(0.3):
            made["keys_only_after"] = 1
        if self.maybe(0.4):
            made["then"] = self.action()
        return made

    def rows(self, most: int) -> Iterator[tuple[str, Any]]:
        rows = ["no_input", "too_short", "hangup", "otherwise"]
        rows += ["1", "2"] if most == 1 else []
        rows += ["escaped"] if self.escape else []
        for row in rows:
            if self.maybe(0.3):
                yield row, self.action(leads=row != "hangup")

    def action(self, *, leads: bool = True, exits: bool = True) -> dict[str, Any]:
        rng = self.rng
        made: dict[str, Any] = {}
        if leads and self.maybe(0.3):
            made["say"] = "All right."
        if self.maybe(0.15):
            made["discard_recording"] = True
        if self.maybe(0.2):
            made["metric"] = {"chosen": "{digits}"}
        if self.maybe(0.1):
            made["set"] = {"number": "{digits}"}
        if self.maybe(0.15):
            made["run"] = rng.choice(RUN)
        if leads:
            made |= rng.choice(
                [
                    {"goto": rng.choice(self.names)},
                    {"goto": rng.choice(self.names)},
                    {"goto": rng.choice(self.names)},
                    {"hangup": True},
                    {"handoff": "desk"},
                    {"exit": True} if exits else {"hangup": True},
                ]
            )
        return made or {"metric": "nothing"}
