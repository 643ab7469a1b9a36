"""The language of an article, from its words and from what is said of it."""

from __future__ import annotations

import pytest

from services.cleaner.languages import language_code, tell_language


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("The council voted on Monday to open the northern bridge to cyclists after a long debate.", "en"),
        ("Der Rat hat am Montag beschlossen, die Brücke nach langer Debatte für Radfahrer zu öffnen.", "de"),
        ("Le conseil a décidé lundi d'ouvrir le pont aux cyclistes après un débat de six heures.", "fr"),
        ("Совет решил в понедельник открыть мост для велосипедистов после шестичасовых споров.", "ru"),
        ("市议会星期一投票决定，在六小时的辩论之后向骑自行车的人开放北桥。", "zh"),
        ("市議会は月曜日、六時間の議論の末に北の橋を自転車に開放することを決めた。", "ja"),
        ("시의회는 월요일 여섯 시간의 토론 끝에 북쪽 다리를 자전거에 개방하기로 했다.", "ko"),
        ("Το συμβούλιο αποφάσισε τη Δευτέρα να ανοίξει τη γέφυρα για τους ποδηλάτες.", "el"),
    ],
)
def test_the_words_tell_the_language(text: str, code: str) -> None:
    told = tell_language(text)
    assert told.code == code
    assert told.confidence > 0.5


def test_what_a_page_says_does_not_overrule_its_words() -> None:
    german = "Der Rat hat am Montag beschlossen, die Brücke nach langer Debatte für Radfahrer zu öffnen. " * 3
    assert tell_language(german, page="en-US", hint="en").code == "de"


def test_what_a_page_says_decides_between_close_languages() -> None:
    text = "Rådet besluttet mandag å åpne broen for syklister etter en lang debatt i kommunestyret."
    assert tell_language(text, page="nb-NO").code == "no"


@pytest.mark.parametrize("text", ["", "12 345", "ok", "…", "\U0001f600" * 40])
def test_too_little_text_has_no_language(text: str) -> None:
    assert tell_language(text).code == "und"


def test_a_short_text_takes_the_publishers_word() -> None:
    told = tell_language("Bridge opens", hint="en")
    assert (told.code, told.confidence) == ("en", 0.3)


@pytest.mark.parametrize(
    ("tag", "code"),
    [("pt-BR", "pt"), ("en_US", "en"), ("NB-no", "no"), ("iw", "he"), ("", None), ("x", None), (None, None)],
)
def test_tags_are_cut_to_their_primary_code(tag: str | None, code: str | None) -> None:
    assert language_code(tag) == code
