"""Classes of writing that unseen sentences were read wrong in, each in sentences of its own."""
import pytest

from benchmarks.text import ours

ENGLISH = [
    ("6.0 × 10²⁴ kg at 5×10³ m/s", "six point zero times ten to the power of twenty-four kilograms at "
     "five times ten to the power of three meters per second"),
    ("Call 1-800-273-8255", "Call one, eight hundred, two seven three, eight two five five"),
    ("(800) 555-1234", "(eight hundred) five five five, one two three four"),
    ("text HOME to 741741 or dial 22828", "text home to seven four one seven four one or dial two two eight two eight"),
    ("pay 22828 to him", "pay twenty-two thousand eight hundred twenty-eight to him"),
    ("a ratio of 1:10, a 1:12 scale model, at 3:10", "a ratio of one to ten, a one to twelve scale model, at three ten"),
    ("3K followers, 100K+ new subs, a 10K race in 4K videos",
     "three thousand followers, one hundred thousand plus new subs, a ten K race in four K videos"),
    ("5 m. high, 10 km. away. It ran 5 m. Then it stopped.",
     "five meters high, ten kilometers away. It ran five meters. Then it stopped."),
    ("9' ceilings and 10\" pans, 9' across", "nine foot ceilings and ten inch pans, nine feet across"),
    ("a 10'x12' room, 10ft x 12ft", "a ten by twelve feet room, ten feet by twelve feet"),
    ("CA$20, HK$5 and NZ$1, CHF 20",
     "twenty Canadian dollars, five Hong Kong dollars and one New Zealand dollar, twenty Swiss francs"),
    ("thx, ppl!", "thanks, people!"),
    ("NaCl, CaCO3, C2H5OH, NO2 and P2P", "N A C L, C A C O three, C two H five O H, N O two and P two P"),
    ("k3, p1, yo, k2tog and ssk", "knit three, purl one, yarn over, knit two together and slip slip knit"),
    ("We climbed K2, yo", "We climbed K two, yo"),
    ("John m. Mary, Ann (b. 1810) m. 1832", "John married Mary, Ann (born eighteen ten) married eighteen thirty-two"),
    ("1 c. flour, 2½ c. oats, 1/3 c. milk, c. 1850",
     "one cup flour, two and a half cups oats, one third cup milk, circa eighteen fifty"),
    ("boils at 373.15 K, 100 K a year", "boils at three hundred seventy-three point one five kelvin, one hundred K a year"),
    ("0.1 M HCl, a 2 M solution, 2 M users", "zero point one molar H C L, a two molar solution, two M users"),
]


@pytest.mark.parametrize(("written", "expected"), ENGLISH, ids=[written for written, _ in ENGLISH])
def test_english_is_read_by_class(written: str, expected: str) -> None:
    assert ours(written, "en") == expected
