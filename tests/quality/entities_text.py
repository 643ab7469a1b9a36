"""News of our own writing with its names marked, for floors that need no data: [PER Name], [ORG Name], [LOC Name]."""

from __future__ import annotations

import re

_MARK = re.compile(r"\[(PER|ORG|LOC) ([^\]]+)\]")

MARKED = (
    "[PER Margarethe Lindqvist], who has led [ORG Northmoor Water] since 2019, told a committee in [LOC Stockholm] on "
    "Tuesday that the dam above [LOC Falun] was safe. [PER Lindqvist] said engineers from [ORG Skanska] had checked it "
    "twice this spring.",
    "[LOC Kenya] and [LOC Tanzania] signed an agreement on the shared lake in [LOC Nairobi]. President "
    "[PER William Ruto] called it overdue; his counterpart, [PER Samia Suluhu Hassan], thanked the "
    "[ORG World Bank] for paying for the survey.",
    "The [ORG National Transportation Safety Board] said the pilot, [PER Daniel O'Rourke], had reported smoke shortly "
    "after leaving [LOC Portland]. The [ORG NTSB] expects to finish its inquiry by autumn, a spokeswoman, "
    "[PER Teresa Nguyen-Hall], said.",
    "In [LOC Marseille], dockers' leader [PER Karim Benhaddou] promised more strikes unless [ORG CMA CGM] talks. "
    "[PER Benhaddou] met officials of the [ORG Ministry of Labour] in [LOC Paris] last week.",
    "[ORG Toyota] will build the batteries in [LOC North Carolina], the company said, and [ORG Panasonic] will run the "
    "plant with it. Governor [PER Roy Cooper] said the state had won against [LOC Texas] and [LOC Ohio].",
    "[PER Aung Min Thein], a teacher in [LOC Mandalay], walked for nine days to reach [LOC Thailand]. Aid workers from "
    "[ORG Doctors Without Borders] treated him in [LOC Mae Sot], near the border with [LOC Myanmar].",
    "The [ORG European Central Bank] left its rate unchanged in [LOC Frankfurt] on Thursday. [PER Christine Lagarde] "
    "said growth in [LOC Germany] and [LOC Italy] remained weak, while [LOC Spain] did better.",
    "[PER Oluwaseun Adebayo] scored twice as [ORG Ajax] beat [ORG Feyenoord] 3-1 in [LOC Amsterdam]. His coach, "
    "[PER Joris van der Meer], took him off after an hour.",
    "Police in [LOC Chicago] arrested [PER Leonard J. Kowalczyk], 44, on Friday. [PER Kowalczyk] used to work for "
    "[ORG Boeing] and lives in [LOC Evanston], according to the [ORG Federal Bureau of Investigation].",
    "[LOC Japan]'s prime minister will travel to [LOC Seoul] next month, the first visit since [PER Haruto Kobayashi] "
    "took over the [ORG Foreign Ministry]. [LOC China] said it was watching the talks.",
    "[PER Priya Raghunathan] of the [ORG University of Edinburgh] and [PER Tomasz Zieliński] of "
    "[ORG Jagiellonian University] in [LOC Kraków] dated the bones to the fourth century.",
    "[ORG Amnesty International] accused the government of [LOC El Salvador] of holding [PER María José Funes] without "
    "charge in [LOC San Miguel]. Her lawyer, [PER Ernesto Palacios], has not seen her since May.",
)


def unmarked(marked: str) -> tuple[str, set[tuple[int, int, str]]]:
    """The text without marks, and its names as (start, end, label)."""
    text, last = "", 0
    names: set[tuple[int, int, str]] = set()
    for match in _MARK.finditer(marked):
        text += marked[last : match.start()]
        names.add((len(text), len(text) + len(match.group(2)), match.group(1)))
        text += match.group(2)
        last = match.end()
    return text + marked[last:], names
