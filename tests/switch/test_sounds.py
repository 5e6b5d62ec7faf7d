from __future__ import annotations

import math
import wave
from pathlib import Path

import pytest

from fsflows.switch.sounds import Sounds, spoken_text
from fsflows.switch.transcript import Kind


@pytest.mark.parametrize(
    ("name", "length"),
    [
        ("tone_stream://%(400,0,500)", 0.4),
        ("tone_stream://%(250,250,400);loops=3", 1.5),
        ("tone_stream://L=2;%(100,100,500);%(300,0,600)", 1.0),
        ("tone_stream://%(1000,4000,350,440);loops=-1", math.inf),
        ("silence_stream://500", 0.5),
        ("silence_stream://500,1400", 0.5),
        ("silence_stream://-1", math.inf),
        ("local_stream://default", math.inf),
        ("{volume=2}welcome.wav", 3.0),
        ("/usr/share/sounds/welcome.wav", 3.0),
        ("file_string://welcome.wav!other.wav", 5.25),
        ("other.wav", 2.0),
        ("welcome.wav@@8000", 2.0),
    ],
)
def test_lengths(name: str, length: float):
    sound = Sounds({"welcome.wav": 3.0}).find(name)

    assert sound is not None
    assert length == pytest.approx(sound.length)


def test_a_file_on_disk_has_its_own_length(tmp_path: Path):
    with wave.open(str(tmp_path / "real.wav"), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(bytes(2 * 4000))
    (tmp_path / "broken.wav").write_bytes(b"RIFF")
    sounds = Sounds(prefix=str(tmp_path), default=7.0)

    assert [0.5, 7.0] == [
        sound.length for name in ("real.wav", "broken.wav") if (sound := sounds.find(name))
    ]


def test_missing_files():
    assert Sounds(missing=["gone.wav"]).find("/a/gone.wav") is None
    assert Sounds(default=None).find("anything.wav") is None
    assert Sounds().find("") is None


def test_kinds():
    sounds = Sounds()
    names = ["a.wav", "tone_stream://%(1,1,1)", "silence_stream://1"]

    assert [Kind.FILE, Kind.TONE, Kind.SILENCE] == [
        sound.kind for name in names if (sound := sounds.find(name))
    ]


def test_spoken_text():
    assert spoken_text("flite|kal|a|b", "|") == "a|b"
    assert spoken_text("flite:kal:at 10:30", ":") == "at 10:30"
    assert spoken_text("just this", "|") == "just this"
