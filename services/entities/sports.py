"""Teams that go by the name of their town: what sports copy says of "Leeds", told from what it says of Leeds.

The annotated sets call a club an organisation, whatever it is named after, and a country a place, also where its side
plays (33 of 33 in the sets read by people). A recognizer that reads paragraphs sees towns. Here the article is asked
whether it is about sport, then which names stand where only a side can stand: beside a score, in a table, before "beat"
and after it, before "striker".
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from schemas.entities import Label
from services.entities.mentions import Article, Field, Span
from services.entities.names import TITLES, folded, listed, person, tokens
from services.entities.places import is_nation, is_place

ADDED_CONFIDENCE: Final = 0.6
"""A side that only its score or its table shows."""


def teams_told(article: Article, spans: Sequence[Span]) -> list[Span]:
    """`spans` with clubs as organisations and countries as places, where the article is about sport.

    Sides in lists of results and tables are added where none was found. In reading order, without overlaps.
    """
    lines = [_Line(name, offset, text) for name in ("headline", "text") for offset, text in _lines(article.of(name))]
    weight = sum(line.weight for line in lines)
    ordered = sorted(spans, key=lambda span: span.place)
    if weight < 2:
        return ordered
    is_sports = weight >= 3 and weight * _CHARS_A_WORD >= sum(len(line.text) for line in lines)
    _deal(lines, ordered)
    full = {person(s.surface).surname for s in spans if s.label == "PER" and person(s.surface).is_full}
    sides = _Sides(full, is_sports=is_sports)
    for line in lines:
        if is_sports or (line.weight >= 2 and line.weight * _CHARS_A_WORD_ALONE >= len(line.text)):
            _tables(line, sides, is_sports=is_sports)
            _slots(line, sides, _SURE + _LIKELY if is_sports or line.weight >= 4 else _SURE)
    if is_sports:
        for line in lines:
            _shouted(line, sides)
            _repeats(line, sides)
    return [span for line in lines for span in line.spans]


# --- is it about sport ------------------------------------------------------------------------------------------------

# Of 2,000 articles about politics 8 have as many words of sport as that, all of them about sport in part.
_CHARS_A_WORD: Final = 350
# A paragraph of an article about something else.
_CHARS_A_WORD_ALONE: Final = 200

# words of sport alone count two, words that others use too count one; each once a paragraph
_SPORT: Final = listed(
    "striker strikers midfielder midfielders goalkeeper goalkeepers goalless goalscorer winger fullback halftime "
    "half-time quarterback quarterbacks touchdown touchdowns linebacker cornerback lineman pitcher pitchers shortstop "
    "outfielder infielder baseman homered homer homers inning innings no-hitter shutout rbi wicket wickets batsman "
    "batsmen bowler bowlers all-rounder lbw playoff playoffs play-off play-offs preseason semifinal semifinals "
    "semi-final semi-finals quarterfinal quarterfinals quarter-final quarter-finals fixture fixtures kickoff kick-off "
    "rebounds three-pointer three-pointers puck nba nfl nhl mlb ncaa uefa fifa bundesliga premiership soccer football "
    "basketball baseball hockey rugby cricket tennis volleyball handball standings stoppage hat-trick offside unbeaten "
    "winless halfback flanker scrum-half fly-half relegation relegated equaliser equalizer scoreboard seeding umpire "
    "referee penalties bullpen dugout scoreless punted fumble batted bowled"
)
_MAYBE: Final = listed(
    "match matches game games season seasons league team teams player players scored scoring goal goals coach fans cup "
    "championship championships tournament squad stadium seeded overtime starter club clubs captain champion champions "
    "defender defenders forwards half-century prix points medal title division"
)
# said of sides, and of others: one more where anything else speaks of sport
_RESULT: Final = listed(
    "win wins won beat beats defeat defeated defeats victory victories draw drew lost loss losses lose final finals "
    "round side tie tied home away runs hit hits penalty results lead leads placings stage race grand seed forward"
)
_WORDS: Final = re.compile(r"[a-z]+(?:-[a-z]+)*")
_SCORE: Final = r"\d{1,3} ?[-–] ?\d{1,3}"
_A_SCORE: Final = re.compile(rf"(?<![\d/.-]){_SCORE}(?![\d/.-])")
_BRACKETS: Final = re.compile(r"\([^()]*\)")


def _weight(text: str) -> int:
    found = set(_WORDS.findall(text.casefold()))
    weight = 2 * len(found & _SPORT) + len(found & _MAYBE)
    if len(text) < 120 and _is_score_line(text):
        return weight + 2
    return weight + bool(weight and not found.isdisjoint(_RESULT)) + bool(_A_SCORE.search(text))


def _is_score_line(text: str) -> bool:
    """Whether all of the line is results, mostly between towns or countries: "Leeds 2 Chelsea 1"."""
    pairs = list(_PAIR.finditer(text))
    if not pairs or any(char.isalpha() for char in _BRACKETS.sub("", _PAIR.sub("", text))):
        return False
    names = [match.group(i) for match in pairs for i in _PAIR_NAMES if match.group(i)]
    return 2 * sum(is_nation(name) or is_place(name) for name in names) >= len(names)


@dataclass(slots=True)
class _Line:
    """A paragraph, how much it speaks of sport, and the names in it, in order."""

    field: Field
    offset: int
    text: str
    weight: int = 0
    spans: list[Span] = dataclasses.field(default_factory=list[Span])

    def __post_init__(self) -> None:
        self.weight = _weight(self.text)


def _lines(text: str) -> Iterator[tuple[int, str]]:
    offset = 0
    for line in text.split("\n"):
        yield offset, line
        offset += len(line) + 1


def _deal(lines: Sequence[_Line], ordered: Sequence[Span]) -> None:
    """Each span to its line."""
    at = 0
    for line in lines:
        end = line.offset + len(line.text) + 1
        while at < len(ordered) and ordered[at].field == line.field and ordered[at].start < end:
            line.spans.append(ordered[at])
            at += 1


class _Sides:
    """What the article's sides are called, and what may be one."""

    def __init__(self, surnames: set[tuple[str, ...]], *, is_sports: bool) -> None:
        self.names: set[str] = set()
        self._surnames = surnames
        self._is_sports = is_sports

    def is_surname(self, name: str) -> bool:
        """Whether a player of the article is called so."""
        return tuple(name.split()) in self._surnames

    def may_be(self, span: Span) -> bool:
        """Whether the recognizer's reading of `span` leaves room for a club."""
        if is_nation(span.surface):
            return False
        if span.label in ("LOC", "ORG"):
            return True
        words = tokens(span.surface)
        if not self._is_sports or span.label != "PER" or words in self._surnames:
            return False
        return (len(words) == 1 and span.confidence < 0.5) or (span.confidence < 0.9 and is_place(span.surface))


# --- tables and lists of results --------------------------------------------------------------------------------------

_WORD: Final = r"[A-ZÀ-ÖØ-Þ][\w.'’&/]*(?:-[A-ZÀ-ÖØ-Þa-z][\w.'’]*)*"
_NAME: Final = rf"{_WORD}(?: (?:(?:de|del|la|of|&) )?{_WORD}){{0,3}}"
_NOTE: Final = r"(?: ?\([^()]{1,80}\))?"
_PAIR: Final = re.compile(
    rf"(?<![\w-])(?:({_NAME}){_NOTE} (\d{{1,3}}){_NOTE}(?: ?[,-])? ({_NAME}){_NOTE} (\d{{1,3}})"
    rf"(?!\w|[./:%-]\d| ?[-–:] ?\d)|({_NAME}) (\d{{1,3}}) ?[-–:] ?(\d{{1,3}}) ({_NAME}))"
)
_PAIR_NAMES: Final = (1, 3, 5, 8)
_ROW: Final = re.compile(
    rf"^\s*(?:\d{{1,2}}[.)]? )?(?:[xyz]-)?({_NAME})(?:\s+(?:[+-]?\d+|\d*\.\d+|{_SCORE}|1/2|½|[-–—])){{4,}}\s*$"
)
_FIXTURE: Final = re.compile(
    rf"^\s*(?:\d\d?[:.]?\d\d |[*•-] ?)?({_NAME}) (?:v|vs|V|VS|at|AT|@)\.? ({_NAME})"
    r"(?:\s*,?\s*\(?[\s\d.:apmnt]*(?:late|postponed|ppd|suspended|rain|night|[A-Z]{2,4})?\)?)?\s*\.?\s*$"
)
_NO_SIDE: Final = listed(
    "january february march april may june july august september october november december jan feb mar apr jun jul aug "
    "sep sept oct nov dec monday tuesday wednesday thursday friday saturday sunday mon tue wed thu fri sat sun east "
    "west north south attendance att standings results group division round day week stage leg half page channel route "
    "highway flight the a an at in played top goals games points score scores total men women men's women's home"
)
# who scored, and when or how much: (Marland 65, Deane 80 pen), (G. Thornwell 120)
_SCORER: Final = re.compile(rf"(?<=[( ])({_NAME}),? (?=\d{{1,3}}(?:[,;) ]|$))")
_LONGEST_ROW: Final = 2000
# short forms of a result that a recognizer of names takes for one
_TERMS: Final = frozenset({"OT", "AET", "FT", "HT", "SO", "PCT", "GB"})


def _tables(line: _Line, sides: _Sides, *, is_sports: bool) -> None:
    """Marks the sides of score lines ("Leeds 2 Chelsea 1"), standings and fixtures."""
    text = line.text
    if len(text) > _LONGEST_ROW:
        return
    if is_sports and (match := _FIXTURE.match(text) or _ROW.match(text)):
        found = [match.span(i) for i in range(1, len(match.groups()) + 1)]
    elif is_sports or _is_score_line(text):
        found = [match.span(i) for match in _PAIR.finditer(text) for i in _PAIR_NAMES if match.group(i)]
    else:
        return
    if "(" in text and not found and " v " in text:
        _scorers(line, sides)
    if not found or any(set(tokens(text[start:end])) & _NO_SIDE for start, end in found):
        return
    readings = [_overlapping(line, start, end) for start, end in found]
    people = sum(any(s.label == "PER" and not sides.may_be(s) for s in spans) for spans in readings)
    if people * 2 >= len(found):  # a duel of two players
        return
    for start, end in found:
        _say(line, start, end, sides)
    _scorers(line, sides)
    line.spans = [span for span in line.spans if span.surface not in _TERMS]


def _scorers(line: _Line, sides: _Sides) -> None:
    """Marks who is named in brackets with a minute or a number of runs."""
    for note in _BRACKETS.finditer(line.text):
        for match in _SCORER.finditer(line.text, note.start(), note.end()):
            if not any(span.label == "PER" for span in _overlapping(line, *match.span(1))):
                _say(line, *match.span(1), sides, "PER")


def _overlapping(line: _Line, start: int, end: int) -> list[Span]:
    return [s for s in line.spans if s.start < line.offset + end and line.offset + start < s.end]


def _say(line: _Line, start: int, end: int, sides: _Sides, label: Label | None = None) -> None:
    """That the name at `text[start:end]` is a side, or what `label` says, whatever was read there."""
    surface = line.text[start:end]
    label = label or ("LOC" if is_nation(surface) else "ORG")
    if label == "ORG":
        sides.names.add(folded(surface))
    touching = _overlapping(line, start, end)
    exact = len(touching) == 1 and touching[0].surface == surface
    confidence = touching[0].confidence if exact else ADDED_CONFIDENCE
    told = Span(line.field, line.offset + start, line.offset + end, surface, label, confidence)
    line.spans = sorted([*(s for s in line.spans if s not in touching), told], key=lambda span: span.start)


# --- sentences --------------------------------------------------------------------------------------------------------


def _any(words: str) -> str:
    """One of the words, whose own spaces are underscores."""
    return "(?:" + "|".join(word.replace("_", " ") for word in words.split()) + ")"


# A name is one character of the line in which slots are looked for; what was not found is a word with a capital.
_CLUB, _NATION, _PERSON, _OTHER = "\ue000", "\ue001", "\ue002", "\ue003"
_T: Final = f"({_CLUB})"
_EPITHET: Final = _any(
    r"the visiting visitors hosts? defending champions? league leaders struggling rivals neighbours bottom club fellow "
    r"top second first third division last-placed promoted relegated unbeaten No\._?\d+ [a-z0-9]+-[a-z-]+"
)
_OPPONENT: Final = f"(?:{_EPITHET} ){{0,4}}({_CLUB}|{_NATION})"
_OPPONENTS: Final = f"{_OPPONENT}(?: and {_OPPONENT})?"
_BEAT: Final = _any(
    "beat beats defeats? defeated edge[sd]? thrash thrashe[sd] crush crushe[sd] routs? routed downs? downed tops? "
    "topped "
    "blanks? blanked trounce[sd]? hammers? hammered whipped stuns? stunned upsets? overcomes? overcame overpowered "
    "sweeps? swept outscore[sd]? outlasts? outlasted sinks? sank demolish demolished humble[sd]? eliminate[sd]? "
    "shuts?_out (?:held|holds?)_off holds? held "
    "(?:eased?|cruised?|moved?|slipped|squeezed|scraped|got|swept|rolled|went|"
    "blew)_past outclassed mauled hit punished turned_back blew_out pounded bombed nipped dump dumped toppled? ousted? "
    "takes?_on took_on entertains? entertained hosts? hosted plays?_host_to played_host_to face[sd]? meets? met "
    "visits? "
    "visited plays? played trails? trailed leads? led tie[sd]? draws?_with drew_with loses?_to lost_to fell_to bow_to "
    "crashed_to succumbed_to ends? ended"
)
_ROLE: Final = _any(
    "striker midfielder goalkeeper keeper winger defender cent(?:er|re)-(?:back|half) full-?back sweeper forward "
    "pitcher "
    "starter reliever closer catcher shortstop outfielder infielder (?:right|left)-hander "
    "(?:first|second|third)_baseman "
    "(?:left|right|center)_fielder quarterback running_back (?:wide_)?receiver linebacker cornerback lineman tight_end "
    "safety (?:point_)?guard center goalie batsman bowler all-rounder opener wicketkeeper scrum-half fly-?_?half "
    "flanker "
    "hooker lock prop skipper captain (?:player-)?manager (?:head_)?coach boss fan (?:right|left)_wing "
    "defenseman playmaker ace slugger"
)
_AFTER: Final = (
    rf"(?:{_any('have has had were was are is will must could should would can may might')} )?"
    rf"(?:{_any('also now then still already never not since only just all twice again been')} )*"
    + _any(
        r"won_(?!the_(?:vote|election|case|right|bid|contract)) "
        r"lost_(?!(?:the_(?:vote|election|case|bid)|power|water|\d)) "
        r"(?:drew|tied|win|lose|draw|wins|loses|draws|beaten|unbeaten|winless|bowled|relegated|promoted|declared|batted|"
        r"defend|defended|trail|trails|trailed|rall(?:y|ies|ied)|scor(?:e|es|ed|ing)|travel|travels|travelled|beat|signs?|"
        r"signed|collapsed|slipped|snapp?(?:ed|s)?|clinch\w*|advance[sd]?|qualif\w+|finish\w*|climb\w*|dominat\w+)\b "
        r"knocked_out held_(?:to|by|scoreless) equali[sz]ed fallen_behind went_ahead hit_back fought_back came_from "
        r"comes?_from_behind dismissed repli(?:ed|es)\b reached_\d took_the_lead take_the_lead go(?:es)?_top went_top "
        r"stay(?:ed|s)?_(?:top|second|third|bottom|in) top_the topped_the "
        r"moved_(?:up|into|to_within|within|to_the_top|top) "
        r"led_\d leads?_\d outshot out-?played kicked_off improved_to dropp?ed_to fell_to_\d close_on never_stop "
        r"do_without bounced_back shared?_(?:the_)?points leapfrog\w* "
        r"play(?:s|ed|ing)?_(?:at|away|on|their|its|in_the|without|host)"
    )
)
_START: Final = (
    r"(?:^|[.;:!?,\"“”‘('–—-] ?|\b"
    + _any(
        "as while but and when after because that if where whereas before since until though although how why than said"
    )
    + " )"
)
_MISSED: Final = f"(?P<missed>{_NAME})"
_DID: Final = _any("wins? won loses? lost draws? drew tied led leads? trailed were_(?:beaten|held) fell")
_BEATEN: Final = _any("beaten defeated held thrashed routed crushed humbled eliminated knocked_out stunned hammered")
_LOST: Final = _any("lost loses? losing loss(?:es)? fell falls? defeats? bow(?:ed)? crashed went_down beat succumbed")
_MATCH: Final = _any("win victory defeat draw match game (?:semi-?|quarter-?)?final tie clash series")
_MATCHES: Final = _any(
    "wins? won victory victories triumph defeat rout upset shutout demolition thrashing drubbing draws? tie "
    "loss(?:es)? match game (?:semi-?|quarter-?)?final opener replay series clash derby"
)
_SCORED: Final = _any(
    r"scored scoring goals? homered homers? pitched struck_out_\w+ points runs wickets matches games appearances "
    "touchdowns? tries starts? started plays? played debut winner equali[sz]er"
)
_BEHIND: Final = _any(
    "games?_(?:behind|ahead_of|of) points?_(?:behind|ahead_of|clear_of|adrift_of|above|below) "
    "(?:place|second|third|fourth)_behind (?:ahead|clear)_of (?:level|tied)_with"
)
_SIGNED: Final = _any(
    "sign(?:s|ed|ing)? join(?:s|ed)? bought loan(?:ed)? transfer(?:red)? acquired arrived traded moved"
)
_SURE: Final = tuple(
    re.compile(pattern)
    for pattern in (
        # one side does something to another
        rf"{_T}(?: {_any('also have had has could will to narrowly easily then twice')})* {_BEAT} {_OPPONENTS}",
        rf"\b{_BEAT} {_OPPONENT} (?:by )?{_SCORE}",
        rf"{_T},? {_DID} (?:\w+ ){{0,2}}{_SCORE}(?: (?:at home )?(?:to|with|by|against|over) {_OPPONENT})?",
        rf"{_T} {_SCORE} {_OPPONENT}",
        rf"{_T} \d{{1,3}}(?:[-–]\d{{1,2}})?(?: dec(?:lared)?\.?)? ?(?:\(|v\b|and\b|all out|in \d)",
        rf"\bv {_OPPONENT} \d",
        rf"{_T} (?:v|vs|V|VS|vs\.) {_OPPONENT}",
        rf"\bv {_MISSED} \d",
        rf"\b{_BEAT} (?:{_EPITHET} ){{0,4}}{_MISSED} (?:by )?{_SCORE}",
        rf"{_MISSED} {_BEAT} (?:{_EPITHET} ){{0,4}}[{_CLUB}{_NATION}] (?:by )?{_SCORE}",
        # what happens to a side
        rf"\b{_BEATEN}(?: {_SCORE})?(?: at home| away)?(?: \w+)? by {_OPPONENTS}",
        rf"\b{_any('edged bowled_out dismissed shut_out outplayed upset')} (?:\w+ )?by {_OPPONENTS}",
        rf"\b{_LOST}(?: (?:a )?{_SCORE})?(?: at home| away| heavily| narrowly)? to {_OPPONENTS}",
        rf"\b(?:{_SCORE}|{_MATCHES})(?: \w+day)?(?: {_any('night afternoon evening')})?(?: in \w+| at home| away)? "
        rf"(?:over|against|with|versus) {_OPPONENTS}",
        rf"\b{_MATCH} between {_OPPONENT} and {_OPPONENT}",
        rf"\b{_any('drew draws? drawn tied tie level')}(?: {_SCORE})?(?: at home| away)? with {_OPPONENT}",
        rf"\b{_SCORED}(?: \w+){{0,5}}? (?:for|against) {_OPPONENT}",
        rf"\b{_BEHIND} {_OPPONENTS}",
        rf"\b{_SIGNED}(?: (?:\w+|{_PERSON}|,)){{0,6}}? from {_OPPONENT}",
        rf"\b{_any('traded sold transferred loaned loan released')} (?:to|by) {_OPPONENT}",
    )
)
# what a side does, and others too: only where the paragraph or the article is clearly about sport
_LIKELY: Final = tuple(
    re.compile(pattern)
    for pattern in (
        rf"\b{_any('visits?_(?:of|to|from) trip_to home_to away_(?:to|at) host_to')} {_OPPONENT} "
        rf"{_any('on in_the for next this')}\b",
        rf"\bvisit (?:of|from) {_OPPONENT}",
        rf"{_T} {_ROLE}s?\b",
        rf"{_START}{_T},? (?:(?:which|who) )?{_AFTER}",
        rf"{_T}, (?:{_any('unbeaten winless')}\b|\w+ (?:points|games|goals) {_any('behind ahead clear adrift')}|"
        rf"(?:the )?(?:(?:league|defending|reigning|cup) )?{_any('leaders champions holders')}\b)",
    )
)
# before a name: it is a place, unless a slot says more
_WHERE: Final = re.compile(
    r"\b"
    + _any(
        "[Ii]n [Aa]t [Nn]ear [Ff]rom to into of around outside across through throughout within inside towards? "
        "beyond via "
        "leave left leaving reach reached downtown central northern southern eastern western greater east west "
        "north south"
    )
    + r"\s$"
)
_IN: Final = re.compile(r"\b(?:[Ii]n|[Nn]ear|[Oo]utside|around|downtown)\s$")
# after a name: a town has these, a side does not
_TOWN: Final = re.compile(
    r"(?: ?['’]s)? "
    + _any(
        "police airport council councill?or mayor residents? hospitals? courts? city streets? magistrates suburbs? "
        "university prison authorities district county area region port hotels? schools? factory workers voters "
        "natives? "
        "stadium "
        "arena ground marathon open grand_prix international"
    )
    + r"\b| ?, [A-ZÀ-Þ][\w.]+(?=[,.\s])|-(?:based|born)\b"
)
# a line that begins with where it was written
_DATELINE: Final = re.compile(r"\s*(?:,[^.]{0,40}?)?(?:\((?!\d)|--|[-–—:]\s|\d{4}-)")
_INITIALS: Final = re.compile(r"(?!U\. ?[SNK]\.)(?:[A-Z]\. ?){1,2}[A-Z][\w'’-]+$")


def _slots(line: _Line, sides: _Sides, patterns: Sequence[re.Pattern[str]]) -> None:
    """Marks the names that stand where only a side stands."""
    masked, where = _masked(line, sides)
    missed: list[tuple[int, int]] = []
    for pattern in patterns:
        for match in pattern.finditer(masked):
            for group in range(1, pattern.groups + 1):
                at = match.start(group)
                if at in where:
                    i = where[at]
                    if sides.may_be(line.spans[i]):
                        line.spans[i] = _told(line.spans[i], "ORG")
                        sides.names.add(folded(line.spans[i].surface))
                elif at >= 0 and not set(tokens(match.group(group))) & _NO_SIDE:
                    before = sum(len(line.spans[i].surface) - 1 for p, i in where.items() if p < at)
                    missed.append((at + before, at + before + len(match.group(group))))
    for start, end in missed:
        if not _overlapping(line, start, end):
            _say(line, start, end, sides)


def _masked(line: _Line, sides: _Sides) -> tuple[str, dict[int, int]]:
    """The line with a character for each name, and which span each of those is."""
    parts: list[str] = []
    where: dict[int, int] = {}
    last = length = 0
    for i, span in enumerate(line.spans):
        start, end = span.start - line.offset, span.end - line.offset
        between = line.text[last:start]
        length += len(between)
        where[length] = i
        if is_nation(span.surface):
            kind = _NATION
        elif sides.may_be(span) and not _is_titled(line.text, start):
            kind = _CLUB
        else:
            kind = _PERSON if span.label == "PER" else _OTHER
        parts += (between, kind)
        length += 1
        last = end
    parts.append(line.text[last:])
    return "".join(parts), where


def _is_titled(text: str, start: int) -> bool:
    before = text[max(0, start - 16) : start].split()
    return bool(before) and before[-1].casefold().strip(".,") in TITLES and before[-1][:1].isupper()


def _told(span: Span, label: Label) -> Span:
    return span if span.label == label else replace(span, label=label)


def _shouted(line: _Line, sides: _Sides) -> None:
    """Marks the sides of the article in its headline in capitals, where names run into the words beside them."""
    if not line.text.isupper() or len(line.text) > 200:
        return
    for name in sides.names:
        for match in re.finditer(rf"(?<!\w){re.escape(name)}(?!\w)", line.text, re.IGNORECASE):
            before = line.text[: match.start()]
            touching = _overlapping(line, *match.span())
            if not before and _DATELINE.match(line.text, match.end()):
                continue
            if not _WHERE.search(before.casefold()) and all(s.label != "PER" for s in touching):
                _say(line, *match.span(), sides)


def _repeats(line: _Line, sides: _Sides) -> None:
    """A side's name is one all through the article, but where a place is meant; countries are places, initials people.

    Where two sides are known, what is left of towns that nothing places ("swept by Kansas City") are sides too.
    """
    text = line.text
    known = bool(sides.names)
    for i, span in enumerate(line.spans):
        start, end = span.start - line.offset, span.end - line.offset
        before = text[max(0, start - 16) : start]
        name = folded(span.surface)
        if span.label == "ORG" and span.confidence < 0.7 and is_nation(span.surface):
            line.spans[i] = _told(span, "LOC")
        elif span.label != "PER" and (
            (span.confidence < 0.6 and _INITIALS.match(span.surface))
            or (span.confidence < 0.9 and name not in sides.names and sides.is_surname(name))
        ):
            line.spans[i] = _told(span, "PER")
        elif not sides.may_be(span):
            continue
        elif span.label == "ORG":
            if _IN.search(before) and name in sides.names and is_place(span.surface):
                line.spans[i] = _told(span, "LOC")
        elif (
            (name in sides.names or (known and span.label == "LOC" and is_place(span.surface)))
            and not _WHERE.search(before)
            and not _TOWN.match(text, end)
            and (start or not _DATELINE.match(text, end))
            and not _is_listed_with_a_place(line, i)
            and not _is_titled(text, start)
        ):
            line.spans[i] = _told(span, "ORG")


def _is_listed_with_a_place(line: _Line, i: int) -> bool:
    """Whether the name goes on with another one that is a place: Dallas, Texas; in Leeds and Bradford."""
    if not i or line.spans[i - 1].label != "LOC" or is_nation(line.spans[i - 1].surface):
        return False
    between = line.text[line.spans[i - 1].end - line.offset : line.spans[i].start - line.offset]
    return between.strip() in (",", "and", "or")
