"""Callers made up at random, as scripts to read: who presses, says, waits and hangs up whatever comes to their mind."""

from __future__ import annotations

import random

DIGITS = {
    "en": ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"],
    "es": ["cero", "uno", "dos", "tres", "cuatro", "cinco", "seis", "siete", "ocho", "nueve"],
    "fr": ["zéro", "un", "deux", "trois", "quatre", "cinq", "six", "sept", "huit", "neuf"],
    "de": ["null", "eins", "zwei", "drei", "vier", "fünf", "sechs", "sieben", "acht", "neun"],
}  # fmt: skip
WORDS = {
    "en": ["yes", "no", "operator", "start over", "no wait five", "pound", "double four", "what was that"],
    "es": ["sí", "no", "operador", "perdón"],
    "fr": ["oui", "non", "dièse", "pardon"],
    "de": ["ja", "nein", "raute", "wie bitte"],
}  # fmt: skip
PHRASES = ["zebra", "zebra crossing", "not zebra", "hm lama", "lama zebra crossing"]
NONSENSE = [*PHRASES, "hm", "i want to talk to someone about my bill", "..."]
MISHAPS = ("dies", "closes", "garbles", "down", "up")


def script(seed: int, language: str = "en-US") -> str:
    """What a caller does, a step a line. The same seed is the same caller."""
    return _Caller(random.Random(seed), language.partition("-")[0]).script()


class _Caller:
    def __init__(self, rng: random.Random, language: str) -> None:
        self.rng = rng
        self.language = language if language in DIGITS else "en"

    def script(self) -> str:
        rng = self.rng
        doings = [self.press, self.press, self.say, self.say, self.wait, self.wait, self.listen]
        lines = [rng.choice(doings)() for _ in range(rng.randint(0, 14))]
        if rng.random() < 0.15:
            lines.insert(rng.randint(0, len(lines)), f"recogniser {rng.choice(MISHAPS)}")
        if rng.random() < 0.4:
            lines.append("hangup")
        return "\n".join(lines) + "\n"

    def press(self) -> str:
        rng = self.rng
        if rng.random() < 0.3:
            keys = rng.choice("12")
        else:
            keys = "".join(rng.choice("0123456789" * 3 + "*#A") for _ in range(rng.randint(1, 9)))
        line = f"press {keys} gap {rng.choice([0.01, 0.1, 0.2, 0.4, 1])} hold {rng.choice([0.02, 0.1, 0.5])}"
        if rng.random() < 0.15:
            line += f" inband {rng.choice([0, 0.02, 0.05])}"
        return self.meanwhile(line)

    def say(self) -> str:
        rng = self.rng
        digits = " ".join(rng.choice(DIGITS[self.language]) for _ in range(rng.randint(1, 9)))
        text = rng.choice([digits, digits, rng.choice(WORDS[self.language]), rng.choice(NONSENSE)])
        line = f'say "{text}"'
        if rng.random() < 0.3:
            line += f" confidence {rng.choice([0.3, 0.9])}"
        if rng.random() < 0.2:
            line += f' or "{rng.choice(WORDS[self.language])}"'
        if rng.random() < 0.3:
            line += f" word {rng.choice([0.1, 0.5])} endpoint {rng.choice([0.2, 1, 3])}"
        return self.meanwhile(line)

    def meanwhile(self, line: str) -> str:
        return f"meanwhile {line}" if self.rng.random() < 0.2 else line

    def wait(self) -> str:
        return f"wait {self.rng.choice([0, 0.02, 0.1, 0.3, 1, 2, 4])}"

    def listen(self) -> str:
        return self.rng.choice(["wait start", "wait end", "wait quiet"]) + " within 20"
