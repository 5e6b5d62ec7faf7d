from fsflows.archive.lines import Begun, Line, read
from fsflows.archive.model import loads


def test_lines_are_read_as_what_they_were(samples):
    begun = Begun.of('a "b" ä#1', samples[1])
    found = read(Line.of(what).data for what in (samples[0], begun, samples[2]))
    assert [samples[0], samples[2]] == found.records
    assert [begun] == found.begun
    assert samples[1] == loads(found.begun[0].body)
    assert [] == found.damaged


def test_a_line_that_was_cut_off_damages_no_other(samples):
    """By a crash, at any byte; what is no line at all as well."""
    record, begun = Line.of(samples[0]).data, Line.of(Begun.of("a#1", samples[1])).data
    for whole in (record, begun):
        cuts = [whole[:end] for end in (0, 1, 11, 12, len(whole) // 2, len(whole) - 1)]
        found = read([*cuts, b"[]", b"3", b'{"begun_by":"a"}', b'{"begun_by":', b"\xff", whole])
        assert 1 == len(found.records) + len(found.begun)
        assert len(cuts) + 5 == len(found.damaged)
        assert all(why for _, why in found.damaged)
