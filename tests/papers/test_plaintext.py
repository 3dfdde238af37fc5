"""Titles and abstracts become text that reads well, and lose nothing that was text."""

from __future__ import annotations

import re
import time
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from papers.latex import is_mathematics
from papers.plaintext import plain_text, raw_beside
from tests.papers.real_data import real_records


@pytest.mark.parametrize(
    "text",
    [
        "Learning from 10% of labels, 90% accuracy",
        "costs $5 to $10",
        "from $5-$10 a month to $2 million",
        "$1 Million from Real-World Software, $200k in prizes",
        "x<y and y>z",
        "if a<b then c>d",
        "a<b>c, 0.01%< s <1% and ( s >1%)",
        "Let's <think> about LLM reasoning",
        "AT&T, R & D; a&b",
        "C++ and C#, K-means, a_b, 2^n, #1",
        "http://www.example.org/~alice/a_b.html, ~20 Mb, p~0.05, [~]22 nt",
        "Grüße, naïve, 東京, Ελληνικά, فارسی‌ها, 👩‍🔬",
        "said \"no\" -- 'yes'",
        "«CAFÉ» and “CAFÉ”",
    ],
)
def test_what_is_text_already_stays_as_it_is(text: str) -> None:
    assert plain_text(text) == text


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        (
            r"Erd\H{o}s, R\'enyi, M{\"o}bius, na{\"\i}ve, S\o ren, \L{}\'od\'z",
            "Erdős, Rényi, Möbius, naïve, Søren, Łódź",
        ),
        (r"Barab\{\'a\}si, k\\\"{o}tter, sch{\\\"a}fer, r\\\"omer", "Barabási, kötter, schäfer, römer"),
        (r"{D}eep {Learning} for {(Figure} 2) {GPSR}", "Deep Learning for (Figure 2) GPSR"),
        (
            r"\emph{in vivo}, \texttt{grep -v}, \textsc{Foo}, {\em SNOW}, {\it S. cerevisiae}",
            "in vivo, grep -v, Foo, SNOW, S. cerevisiae",
        ),
        (r"P\&L, 50\% of \$5, a\_b, C\#, \{a\}", "P&L, 50% of $5, a_b, C#, {a}"),
        (r"10% of {L}abels & \emph{more} for $5 to $10", "10% of Labels & more for $5 to $10"),
        (r"``open'' --- closed", "“open” — closed"),
        (r"Fig.~3 in~$n$ steps, ~10% at www.x.org/~me by \~n", "Fig. 3 in n steps, ~10% at www.x.org/~me by ñ"),
        (r"the $\lambda$-calculus, $n$-th, $\ell_1$", "the λ-calculus, n-th, ℓ_1"),
        (r"in $O(n\log n)$ and $\tilde{O}(\sqrt{n})$", "in O(n log n) and Õ(√(n))"),
        (r"$\mathbb{E}[X_{t+1}] \le \frac{n+1}{2}$", "E[X_(t+1)] ≤ (n+1)/2"),
        (
            r"H$_2$O, CO$_{2}$, $^{18}$F, 5$^{th}$, M$^{2}$UGen, 37$^\circ$C, 10$^{-3}$",
            "H2O, CO2, 18F, 5th, M^2UGen, 37°C, 10^-3",
        ),
        (r"LLM$\times$MapReduce in $\sim$20 s", "LLM×MapReduce in ∼20 s"),
        (r"\(x\) and \[y\] and $$z$$", "x and y and z"),
        (r"shown by~\cite{a} and \citep[p. 3]{b}\footnote{at x.org}", "shown by and (at x.org)"),
        (r"see \url{http://x.org/~a_b} or \href{http://x.org}{here}", "see http://x.org/~a_b or here"),
        (r"better than $8/7-\eps$, 0.2 \AA for {\\copyright} 1995", "better than 8/7-ε, 0.2 Å for © 1995"),
        (r"p{\\textless}0.01, 30\\% and F. \\\\& J., 83\\ recall", "p<0.01, 30% and F. & J., 83 recall"),
        (r'of \authoritative" pages, \LaTeX{} and \TeX\ too', 'of authoritative" pages, LaTeX and TeX too'),
        (r"an unclosed {brace, \emph{and a } stray one } here", "an unclosed brace, and a stray one here"),
        (r"a \input{/etc/passwd} b", "a b"),
    ],
)
def test_latex_becomes_text(text: str, plain: str) -> None:
    assert plain_text(text) == plain


@pytest.mark.parametrize(
    ("between", "following", "expected"),
    [
        ("x", "", True),
        ("x + y", " ", True),
        (r"\sim", "2", True),
        (" l(X)", ",", True),
        ("10^{-3}", "5", True),
        ("5 to ", "1", False),
        ("5-", "1", False),
        (", where ", "x", False),
        ("2 million or A", " ", False),
        (" ", " ", False),
    ],
)
def test_dollars_are_told_from_mathematics(between: str, following: str, expected: bool) -> None:
    assert is_mathematics(between, following) is expected


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        (
            "<jats:title>Aim</jats:title><jats:p>We <jats:italic>see</jats:italic> x &lt; y.</jats:p>",
            "Aim We see x < y.",
        ),
        ("First.<br/>Second.<P>Third", "First. Second. Third"),
        ("<ul><li>one</li><li>two</li></ul>", "one two"),
        ("a <b>bold</b>ness, H<sub>2</sub>O, 10<sup>5</sup> cells, 3<SUP>rd</SUP>", "a boldness, H2O, 10^5 cells, 3rd"),
        ('at <ext-link xlink:href="http://x.org" a=b>x.org</ext-link>', "at x.org"),
        ("<mml:math><mml:mi>x</mml:mi><mml:mo>=</mml:mo><mml:mn>1</mml:mn></mml:math>", "x=1"),
        ("<!-- note -->Title<![CDATA[ & more]]>", "Title & more"),
        ("<script>alert(1)</script> <img src=x onerror=alert(2)>", "alert(1)"),
        ("&#034;R&amp;D&quot; &#150; caf&eacute;&nbsp;&isin; &bogus; &lt", '"R&D" – café ∈ &bogus; &lt'),
        (r"R\&amp;D, r\&\#228;tsch, r\\&\\#228;tsch", "R&D, rätsch, rätsch"),
        ("&amp;lt;b&amp;gt; and &lt;b&gt;", "&lt;b&gt; and <b>"),
    ],
)
def test_markup_goes_without_gluing_words_and_entities_are_decoded_once(text: str, plain: str) -> None:
    assert plain_text(text) == plain


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("\ufeffA\x00 title\x07\ud800 with\u00ad\u200b dirt", "A title with dirt"),
        ("one\ttwo\r\nthree\u2028four\u00a0five\x0bsix ", "one two three four five six"),
        ("cafe\u0301", "café"),
        ("abc\u202egnp.exe", "abcgnp.exe"),
        ("eﬃcient ﬁrst", "efficient first"),
        ("networks\x97natural \x93big\x94", "networks—natural “big”"),
        (
            "KrÃ¼ppel, â\x80\x9csmallâ\x80\x9d, â€œfastâ€\ufffd, IFN-Î², Ã\x97 10â\x88\x928",
            "Krüppel, “small”, “fast”, IFN-β, × 10−8",
        ),
        (r"a{\^a}" + "\x80\x94b", "a—b"),
    ],
)
def test_wrong_encodings_and_invisible_characters_are_mended(text: str, plain: str) -> None:
    assert plain_text(text) == plain


def test_raw_text_is_kept_where_it_holds_mathematics_or_markup() -> None:
    for raw in (
        r"the $\lambda$-calculus",
        r"in \(n\) steps",
        "<i>E. coli</i> grows",
        r"\begin{equation}x\end{equation}",
    ):
        assert raw_beside(raw, plain_text(raw)) == raw
    for raw in (r"Erd\H{o}s", "{D}eep", "R&amp;D", "two  spaces", "costs $5 to $10 in {U}SA", "plain"):
        assert raw_beside(raw, plain_text(raw)) == ""


def test_raw_text_can_be_stored() -> None:
    assert raw_beside("\x00$x$\ud800", "x") == "$x$"


WORDS = st.text(st.characters(codec="utf-8", categories=["L", "N", "P", "S", "Zs"], exclude_characters="\\<&"))


@given(
    st.lists(WORDS | st.sampled_from(["$5", "10%", "{", "}", "{a}", "~x", "``", "$x$", "a_b", "^", "#"])).map(" ".join)
)
def test_no_ascii_letter_or_digit_is_ever_lost(text: str) -> None:
    def letters(text: str) -> str:
        return re.sub(r"[^A-Za-z0-9]", "", text)

    kept = letters(plain_text(text))
    assert all(letter in kept for letter in letters(text))
    assert len(kept) >= len(letters(text))


TEX = r"\frac \sqrt[ \emph{ \begin{a} \( \] \\ \' \verb"
MARKUP = "<b> </p> <!-- &#0; &lt; â€"
SIGNS = st.sampled_from([*"\\{}$%&~^_[]<>\0\r\ud800", *TEX.split(), *MARKUP.split(), "a "])


@given(st.lists(SIGNS | st.text(max_size=3), max_size=60).map("".join))
def test_any_text_at_all_becomes_one_clean_line(text: str) -> None:
    plain = plain_text(text)

    assert plain == " ".join(plain.split())
    assert unicodedata.is_normalized("NFC", plain)
    assert not any(unicodedata.category(character) in ("Cc", "Cs") for character in plain)
    raw_beside(text, plain).encode("utf-8")


@pytest.mark.parametrize(
    "part",
    [
        r"\sqrt[",
        r"\cite[",
        r"\frac{",
        r"\newcommand{",
        r"\(",
        "{",
        "}",
        "$",
        "\\",
        "~a",
        "<",
        "<!--",
        "&",
        "<a b=c ",
        "a{b}",
    ],
)
def test_no_text_keeps_the_converter_busy(part: str) -> None:
    """pylatexenc alone would not end on the first four in the lifetime of the machine."""
    started = time.perf_counter()

    plain_text(part * 2500)

    assert time.perf_counter() - started < 5


LEFTOVERS = re.compile(r"\\[A-Za-z{}%&]|<(?:p|i|em|br|sup|jats)|&#?[0-9]+;|[\x00-\x1f\x7f-\x9f]|â€[œ˜™]")


@pytest.mark.parametrize("name", ["citeulike-sample/papers.jsonl", "daily-papers/papers.jsonl"])
def test_real_titles_and_abstracts_come_out_clean(name: str) -> None:
    texts = [text for record in real_records(name) for text in (record["title"], record.get("abstract", "")) if text]
    assert len(texts) > 3000

    for text in texts:
        plain = plain_text(text)
        assert len(plain) > 0.6 * len(text)
        if not re.search(r"&lt;|&#60;|\\text(?:less|backslash)", text):  # signs that were written out stay
            assert not LEFTOVERS.search(plain)
