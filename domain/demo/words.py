"""Whom the demo shop deals with and what they say: names, places, notes, reasons."""

from collections.abc import Sequence
from typing import NamedTuple


class Land(NamedTuple):
    """A country with its share of the customers, and what names and addresses look like there.

    In a city's postal code, # stands for a digit and ? for a letter.
    """

    country: str
    share: int
    cities: Sequence[tuple[str, str]]
    streets: Sequence[str]
    number_first: bool
    firsts: Sequence[str]
    lasts: Sequence[str]


class DemoUser(NamedTuple):
    """Somebody who can sign in to the demo shop and has a customer there."""

    username: str
    name: str
    country: str


USERS = (
    DemoUser("amelia", "Amelia Hart", "United Kingdom"),
    DemoUser("george", "George Okafor", "United Kingdom"),
    DemoUser("priya", "Priya Raman", "United Kingdom"),
    DemoUser("callum", "Callum Fraser", "United Kingdom"),
    DemoUser("rosalind", "Rosalind Webb", "United Kingdom"),
    DemoUser("yusuf", "Yusuf Aydin", "United Kingdom"),
    DemoUser("gwen", "Gwen Pritchard", "United Kingdom"),
    DemoUser("niamh", "Niamh Kelly", "Ireland"),
    DemoUser("lukas", "Lukas Brandt", "Germany"),
    DemoUser("camille", "Camille Laurent", "France"),
    DemoUser("pieter", "Pieter de Vries", "Netherlands"),
    DemoUser("ingrid", "Ingrid Solberg", "Norway"),
)

BRITISH_FIRSTS = """
Alice Aisha Ben Beatrice Charlotte Daniel Dev Edith Elif Fergus Florence Grace Hannah Harriet Imogen Jack
Kwame Leah Liam Maya Mohammed Nadia Oliver Owen Poppy Ravi Samuel Sofia Thomas Zara
"""
BRITISH_LASTS = """
Ahmed Appleby Barker Begum Carter Clarke Dawson Ellis Fletcher Gill Hughes Iqbal Jones Khan Lowe Marsh
Morgan Nwosu Osborne Patel Quinn Reid Shah Taylor Underwood Walsh Wright Young
"""

LANDS = (
    Land(
        "United Kingdom",
        170,
        (
            ("London", "N# #??"),
            ("London", "SE# #??"),
            ("Leeds", "LS# #??"),
            ("Bristol", "BS# #??"),
            ("Edinburgh", "EH# #??"),
            ("Cardiff", "CF# #??"),
            ("Manchester", "M# #??"),
            ("Norwich", "NR# #??"),
            ("York", "YO# #??"),
            ("Belfast", "BT# #??"),
        ),
        ("Orchard Road", "Mill Lane", "Station Road", "Chapel Street", "Victoria Terrace", "Kiln Close"),
        True,
        BRITISH_FIRSTS.split(),
        BRITISH_LASTS.split(),
    ),
    Land(
        "Germany",
        20,
        (("Berlin", "10###"), ("Hamburg", "20###"), ("Leipzig", "041##"), ("Freiburg", "791##")),
        ("Lindenstraße", "Gartenweg", "Am Markt", "Goethestraße"),
        False,
        ("Anna", "Emil", "Frieda", "Jonas", "Käthe", "Matthias", "Svenja", "Tim"),
        ("Becker", "Hoffmann", "König", "Neumann", "Schäfer", "Vogel", "Wagner"),
    ),
    Land(
        "France",
        18,
        (("Paris", "750##"), ("Lyon", "6900#"), ("Nantes", "440##"), ("Lille", "590##")),
        ("rue des Lilas", "rue de la Paix", "avenue Foch", "place du Marché"),
        True,
        ("Adèle", "Baptiste", "Chloé", "Étienne", "Inès", "Louis", "Manon", "Théo"),
        ("Bernard", "Dubois", "Faure", "Girard", "Lefèvre", "Moreau", "Roux"),
    ),
    Land(
        "Ireland",
        14,
        (("Dublin", "D0# ?##?"), ("Cork", "T12 ?##?"), ("Galway", "H91 ?##?")),
        ("Harbour Road", "Abbey Street", "Strand Road"),
        True,
        ("Aoife", "Cian", "Deirdre", "Eoin", "Gráinne", "Oisín", "Saoirse"),
        ("Brennan", "Byrne", "Doyle", "McCarthy", "Nolan", "O'Connor", "Ryan"),
    ),
    Land(
        "Netherlands",
        10,
        (("Amsterdam", "10## ??"), ("Utrecht", "35## ??"), ("Groningen", "97## ??")),
        ("Kerkstraat", "Molenweg", "Prinsengracht"),
        False,
        ("Anouk", "Bram", "Daan", "Femke", "Joris", "Sanne"),
        ("Bakker", "Jansen", "Mulder", "Smit", "van Dijk", "Visser"),
    ),
    Land(
        "Norway",
        8,
        (("Oslo", "05##"), ("Bergen", "50##"), ("Trondheim", "70##")),
        ("Storgata", "Kirkeveien", "Skogveien"),
        False,
        ("Astrid", "Bjørn", "Kari", "Magnus", "Solveig", "Øystein"),
        ("Berg", "Dahl", "Haugen", "Lie", "Nilsen", "Strand"),
    ),
    Land(
        "Belgium",
        6,
        (("Gent", "90##"), ("Bruxelles", "10##"), ("Antwerpen", "20##")),
        ("Veldstraat", "rue Haute", "Kloosterstraat"),
        False,
        ("Élise", "Jeroen", "Lotte", "Maxime", "Noor"),
        ("Claes", "Dupont", "Lambert", "Peeters", "Willems"),
    ),
    Land(
        "Spain",
        4,
        (("Madrid", "280##"), ("Valencia", "460##"), ("Bilbao", "480##")),
        ("Calle Mayor", "Calle del Sol", "Paseo del Río"),
        False,
        ("Álvaro", "Carmen", "Diego", "Lucía"),
        ("Fernández", "Ibáñez", "Molina", "Torres"),
    ),
)

SECOND_LINES = ("Flat 2", "Flat 3B", "Top floor", "The Old Bakery", "c/o the neighbours")

NOTES = (
    "Please leave it with the neighbours at number 12.",
    "The bell does not work. Please knock.",
    "It is a present: no invoice in the box, please.",
    "Please wrap the blue one for my mother.",
    "No hurry at all.",
    "We need it before the weekend, if you can.",
    "Please call before you deliver.",
    "The dog is friendly, the gate is not.",
    "Same again as last month. Lovely tea!",
    "For the staff kitchen. Please put our order number on the invoice.",
    "One parcel is enough, thank you.",
    "Leave it in the green box beside the door.",
    "Happy to wait until all of it is in stock.",
    "Please use as little plastic as you can.",
    "A card would be nice: 'Welcome home, you two.'",
)

REJECTION_REASONS = (
    "The payment was not confirmed.",
    "The address cannot be reached by our carriers.",
    "The order looks like a double of another one.",
)

CANCELLATION_REASONS = (
    "Ordered by mistake.",
    "The customer found another colour.",
    "Delivery would come too late.",
    "The customer changed their mind.",
)

DAMAGED = "It arrived damaged."
RETURN_REASONS = (
    DAMAGED,
    "It is not the colour the customer expected.",
    "It is too large for the shelf.",
    "It was a present that somebody else gave too.",
    "The customer changed their mind.",
)

WRITE_OFF_REASONS = ("Broken in the warehouse.", "Water damage.", "Past its best date.")
ADJUSTMENT_REASONS = ("Stock count.", "Found behind the shelf.", "Booked in the wrong place.")
