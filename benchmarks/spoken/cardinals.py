"""Number words written by somebody else: every cardinal of the num2words library must be read back.

pip install num2words
python -m benchmarks.spoken.cardinals
"""

from __future__ import annotations

from num2words import num2words

from fsflows.spoken import parse

LANGUAGES = {
    "en": "en-US", "en_GB": "en-GB", "en_IN": "en-IN", "es": "es-ES", "fr": "fr-FR", "fr_BE": "fr-FR", "fr_CH": "fr-FR",
    "de": "de-DE", "pt_BR": "pt-BR", "pt": "pt-PT", "it": "it-IT", "nl": "nl-NL",
}  # fmt: skip
NUMBERS = [*range(2100), *range(2100, 100_000, 97), 100_000, 123_456, 250_000, 1_000_000]


def main() -> None:
    for theirs, ours in LANGUAGES.items():
        missed = [
            words
            for number in NUMBERS
            for words in [num2words(number, lang=theirs)]
            if [str(number)] != [reading.keys for reading in parse(words, ours)][:1]
        ]
        right = len(NUMBERS) - len(missed)
        print(f"{theirs:6} as {ours}: {right} of {len(NUMBERS)} {', '.join(missed[:3])}")


if __name__ == "__main__":
    main()
