"""Invented people with the truth of who they are. Nobody here exists.

Phones are 555-01xx, social security numbers start with 666 (never issued), mail ends in `.example`.
"""

from dataclasses import dataclass, replace
from datetime import date, timedelta
from random import Random


def _words(text: str) -> list[str]:
    return text.split()


_FAMILIES = _words("""
Abernathy Achterberg Adeyemi Albrecht Arsenault Baptiste Barnhill Bergstrom Bjornstad
Bramwell Calloway Castellano Chaudhry Dalgaard Delacourt Dombrowski Eastwick Eklund Engelhardt
Fairbairn Falkenrath Featherstone Galbraith Gentry Grimaldi Haldorsen Hathaway Hinojosa Ibanez
Ingersoll Jablonski Jankauskas Kallenberg Kowalczyk Krishnan Lachance Lindqvist Llewellyn Maddox
Mbeki Montague Nakagawa Nordstrom Okonkwo Oyelaran Pemberton Quintero Rasmussen Rosenthal Sandoval
Schoenberg Silverstein Takahashi Thibodeaux Underhill Vandermeer Villanueva Wetherby Winterbourne
Yamamoto Yarborough Zielinski Zimmermann""")
_WOMEN = _words("""
Adelaide Beatriz Clementine Delphine Eleanor Fiona Genevieve Harriet Imogen Josephine
Katarina Lucinda Marguerite Nadia Ophelia Penelope Rosalind Seraphina Theodora Ursula Vivienne
Winifred Yolanda Zenobia""")
_MEN = _words("""
Ambrose Benedict Cornelius Desmond Everett Ferdinand Gregory Horatio Ignatius Jeremiah
Konstantin Leopold Montgomery Nathaniel Octavian Percival Quentin Reginald Sebastian Thaddeus
Ulysses Valentin Wolfgang Xavier""")
_STREETS = _words("Tamarack Larkspur Millrace Lantern Juniper Copperfield Wisteria Hawthorn")
_TOWNS = (("Alder Fork", "53099"), ("Cedar Hollow", "53098"), ("Quarry Lake", "53097"))


@dataclass(frozen=True, slots=True)
class Address:
    street: str
    town: str
    zip_code: str


@dataclass(frozen=True, slots=True)
class Invented:
    """One person. `number` is the truth: records of the same number are the same person."""

    number: int
    family: str
    given: str
    middle: str
    suffix: str
    sex: str  # F or M
    born: date
    ssn: str
    phone: str
    mail: str
    address: Address
    twin_order: int = 0  # 1 or 2 for twins, else 0

    def moved(self, random: Random) -> "Invented":
        """Return the person after a move: new address, new phone."""
        return replace(self, address=_address(random), phone=_phone(random))


def _address(random: Random) -> Address:
    town, zip_code = random.choice(_TOWNS)
    return Address(f"{random.randint(1, 9899)} {random.choice(_STREETS)} Ln", town, zip_code)


def _phone(random: Random) -> str:
    return f"{random.choice(('608', '414', '262', '715', '920'))}55501{random.randint(0, 99):02d}"


def _one(random: Random, number: int) -> Invented:
    sex = random.choice("FM")
    given, middle = random.sample(_WOMEN if sex == "F" else _MEN, 2)
    family = random.choice(_FAMILIES)
    return Invented(
        number=number,
        family=family,
        given=given,
        middle=middle[0],
        suffix="",
        sex=sex,
        born=date(1935, 1, 1) + timedelta(days=random.randint(0, 30_000)),
        ssn=f"666{random.randint(10, 99)}{number % 10_000:04d}",
        phone=_phone(random),
        mail=f"{given}.{family}{number}@mail.example".lower(),
        address=_address(random),
    )


def _junior(random: Random, father: Invented, number: int) -> Invented:
    return replace(
        father,
        number=number,
        suffix="Jr",
        born=father.born + timedelta(days=random.randint(8_000, 13_000)),
        ssn=f"666{random.randint(10, 99)}{number % 10_000:04d}",
        mail="",
    )


def _twin(first: Invented, number: int) -> Invented:
    names = _WOMEN if first.sex == "F" else _MEN
    given = names[(names.index(first.given) + 1) % len(names)]
    return replace(first, number=number, given=given, twin_order=2, ssn="", mail="")


def invent(random: Random, count: int) -> list[Invented]:
    """Invent `count` people; some are twins, some fathers and sons of one name."""
    people: list[Invented] = []
    while len(people) < count:
        person = _one(random, len(people))
        fate = random.random()
        if fate < 0.04:
            twin = replace(person, twin_order=1, ssn="", mail="")
            people += [twin, _twin(twin, len(people) + 1)]
        elif fate < 0.08 and person.sex == "M":
            people += [person, _junior(random, person, len(people) + 1)]
        else:
            people.append(person)
    return people[:count]
