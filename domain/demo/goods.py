"""What the demo shop sells: one product a line, and the choices that make variants of it."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import NamedTuple


class Choice(NamedTuple):
    """One option of a product: what it adds to the SKU and to the name, and what it does to the price."""

    code: str
    label: str
    factor: Decimal


class Item(NamedTuple):
    """A product with the axes along which its variants differ."""

    code: str
    name: str
    price: Decimal
    axes: Sequence[Sequence[Choice]]
    description: str


def items() -> list[Item]:
    """The whole assortment, in the order of the catalog."""
    return [_item(line) for line in CATALOG.strip().splitlines()]


def _item(line: str) -> Item:
    code, name, price, axes, description = line.split(" | ")
    return Item(code, name, Decimal(price), [AXES[axis] for axis in axes.split() if axis != "-"], description)


def _choices(*lines: str) -> list[Choice]:
    split = [line.split("/") for line in lines]
    return [Choice(code, label, Decimal(factor)) for code, label, factor in split]


AXES: Mapping[str, Sequence[Choice]] = {
    "glaze": _choices("BLU/ocean blue/1", "GRN/moss green/1", "CRM/cream/1"),
    "linen": _choices("NAT/natural/1", "RUS/rust/1", "SAG/sage/1", "INK/ink blue/1"),
    "metal": _choices("BRS/brass/1.15", "BLK/black/1"),
    "wood": _choices("OAK/oak/1", "WAL/walnut/1.2"),
    "paper": _choices("PLN/plain/1", "LIN/lined/1", "DOT/dotted/1"),
    "ink": _choices("BLK/black/1", "BLU/midnight blue/1", "GRN/forest green/1", "BRN/sepia/1"),
    "scent": _choices("FIG/fig/1", "SEA/sea salt/1", "LAV/lavender/1", "CED/cedar/1.1"),
    "tin": _choices("50/50 g/1", "100/100 g/1.8", "250/250 g/4"),
    "size": _choices("S/small/1", "M/medium/1.3", "L/large/1.65"),
    "duo": _choices("S/small/1", "L/large/1.45"),
    "speed": _choices("STD/standard/1", "EXP/express/2"),
}

GIFT_WRAPPING, DELIVERY = "GIFTWRAP", "DELIVERY"
SERVICES = (GIFT_WRAPPING, DELIVERY)
"""Products without stock."""

BACKORDERED = "STORMLANTERN-BRS"
"""The one variant that the shop promises even when its supplier is late."""

CATALOG = """
TEAPOT | Stoneware teapot | 26.00 | glaze duo | Pours without a drip and keeps a second cup warm.
MUG | Everyday mug | 9.50 | glaze | Thrown by hand, so no two handles are quite alike.
ESPRESSO | Espresso cup | 7.50 | glaze | Two good sips, held by a very small handle.
BOWL | Breakfast bowl | 11.00 | glaze | Deep enough for porridge and for second thoughts.
PLATE | Dinner plate | 14.00 | glaze | A quiet rim that makes toast look like a plan.
SERVING | Serving dish | 32.00 | glaze | Goes from the oven to the middle of the table.
MILKJUG | Milk jug | 12.50 | glaze | Holds just enough milk for four cups of tea.
SUGARPOT | Sugar pot with lid | 13.00 | glaze | Keeps the sugar in and the ants out.
EGGCUP | Egg cup, set of two | 8.00 | glaze | For soft eggs and slow Sundays.
CARAFE | Glass carafe | 18.50 | duo | Mouth-blown glass with a mouth that pours straight.
TUMBLER | Recycled glass tumbler | 5.50 | - | Made of old bottles; the bubbles are part of it.
WINEGLASS | Stemless wine glass | 8.50 | - | Hard to knock over, easy to refill.
BREADBOARD | Bread board | 24.00 | wood duo | One piece of timber, oiled by hand.
BREADBIN | Enamel bread bin | 38.00 | - | Keeps a loaf fresh for one day more.
BUTTERDISH | Butter dish | 16.00 | glaze | Spreads right from the lid, should you wish.
SALTPIG | Salt pig | 14.50 | glaze | Keeps salt dry within reach of the stove.
PEPPERMILL | Pepper mill | 28.00 | wood | A steel grinder in a shape that fits the hand.
ROLLINGPIN | Rolling pin | 15.00 | wood | No handles, no fuss, very even pastry.
WOODSPOON | Wooden spoon | 4.50 | - | Cherry wood, and it only gets better.
LADLE | Soup ladle | 12.00 | metal | Serves soup without a trail across the table.
COLANDER | Enamel colander | 21.00 | - | Drains pasta and washes a whole punnet of berries.
KETTLE | Stovetop kettle | 45.00 | metal | Whistles in a minor third when it is ready.
CAFETIERE | Cafetière | 34.00 | duo | Coffee for two or for a meeting.
TEASTRAINER | Tea strainer with rest | 9.00 | metal | Catches every leaf and then the drops.
TEACOSY | Knitted tea cosy | 17.00 | linen | A woollen jumper for your teapot.
TEATOWEL | Linen tea towel | 8.50 | linen | Dries glasses without leaving fluff.
APRON | Linen apron | 29.00 | linen | With a pocket for the timer and one for biscuits.
OVENGLOVE | Oven glove | 14.00 | linen | Padded well beyond the wrist.
NAPKIN | Napkins, set of four | 22.00 | linen | Soft from the first wash on.
TABLECLOTH | Linen tablecloth | 58.00 | linen | Falls nicely and forgives gravy.
RUNNER | Table runner | 26.00 | linen | A path down the middle of a long supper.
PLACEMAT | Cork place mat | 6.50 | - | Kind to the table, light in the drawer.
EARLGREY | Earl Grey tea | 5.20 | tin | Black tea with bergamot from Calabria.
BREAKFAST | Breakfast tea | 4.60 | tin | Strong, malty, and not afraid of milk.
DARJEELING | Darjeeling first flush | 8.40 | tin | Light and floral; take it without milk.
SENCHA | Sencha green tea | 6.80 | tin | Fresh as cut grass, at seventy degrees.
ROOIBOS | Rooibos | 4.80 | tin | No caffeine, plenty of comfort.
CHAI | Spiced chai | 5.60 | tin | Cardamom, ginger and a little pepper.
MINT | Peppermint leaves | 3.90 | tin | Whole leaves from a field near Bristol.
CHAMOMILE | Chamomile flowers | 4.20 | tin | The last cup of the day.
LAPSANG | Lapsang souchong | 7.10 | tin | Smoked over pine; a campfire in a cup.
COCOA | Drinking chocolate | 6.50 | - | Grated, not powdered, and seventy per cent dark.
HONEY | Wildflower honey | 7.80 | duo | From four hives behind the Leeds warehouse.
MARMALADE | Seville marmalade | 5.40 | - | Thick-cut and properly bitter.
SHORTBREAD | Butter shortbread | 4.90 | - | Three ingredients, and you can taste each.
BISCUITTIN | Biscuit tin | 13.50 | duo | Airtight, and quiet when opened after dark.
CANDLE | Scented candle | 19.00 | scent | Burns for forty hours without soot.
DIFFUSER | Reed diffuser | 27.00 | scent | Scents a hallway for three months.
SOAP | Bar of soap | 6.00 | scent | Olive oil and patience, cured for six weeks.
HANDCREAM | Hand cream | 9.80 | scent | For hands that garden.
BATHSALT | Bath salt | 12.00 | scent | One scoop for each good reason.
PILLOWMIST | Pillow mist | 14.00 | - | Lavender and oat, two sprays at most.
TAPER | Taper candles, box of six | 11.00 | linen | Straight, slow and dripless.
CANDLESTICK | Candlestick | 16.50 | metal | Low and heavy, so it stays where it is.
SNUFFER | Candle snuffer | 12.00 | metal | Puts out a flame and no wax on the table.
STORMLANTERN | Storm lantern | 42.00 | metal | Keeps its flame through weather that sends you indoors.
FAIRYLIGHTS | Fairy lights | 15.50 | duo | Warm white on a wire that bends to your will.
TABLELAMP | Table lamp | 64.00 | metal | A soft circle of light for reading in.
LAMPSHADE | Linen lampshade | 36.00 | linen | Takes the edge off any bulb.
WALLCLOCK | Wall clock | 39.00 | wood | Silent hands; you will forget that time passes.
MIRROR | Round mirror | 72.00 | metal duo | Makes a narrow hall a little wider.
FRAME | Picture frame | 15.00 | wood size | Real glass and a back that opens easily.
COATHOOK | Coat hook | 9.00 | metal | Holds a wet winter coat without complaint.
DOORMAT | Coir doormat | 22.00 | duo | Asks nobody to wipe their feet, and they do.
UMBRELLASTAND | Umbrella stand | 48.00 | - | Room for six umbrellas and one cricket bat.
BLANKET | Wool blanket | 79.00 | linen | Woven in Yorkshire from undyed and dyed wool.
CUSHION | Linen cushion | 31.00 | linen | Plump, with a zip that hides.
THROW | Cotton throw | 44.00 | linen | For the arm of the sofa, and for naps.
RUG | Hearth rug | 118.00 | duo | Thick underfoot and easy to turn.
HOTWATER | Hot-water bottle | 19.50 | linen | With a knitted cover that stays on.
LAUNDRYBASKET | Laundry basket | 34.00 | - | Willow, with two handles and a liner.
LOGBASKET | Log basket | 52.00 | - | Carries an evening's fire in one go.
STORAGEBOX | Felt storage box | 18.00 | size | Folds flat on the day you are tidy.
VASE | Bud vase | 13.00 | glaze | One stem is enough.
PITCHER | Flower pitcher | 29.00 | glaze | For an armful from the garden.
PLANTER | Terracotta planter | 17.00 | size | Breathes, so roots are happy.
SAUCER | Planter saucer | 5.00 | size | Saves the window sill.
HANGINGPOT | Hanging planter | 23.00 | glaze | With a cotton rope and a knot that holds.
WATERINGCAN | Watering can | 33.00 | duo | A long spout for the far corner of the sill.
MISTER | Plant mister | 16.00 | metal | A fine mist for ferns and their friends.
TROWEL | Hand trowel | 14.50 | - | Ash handle, stainless blade, no bending.
HANDFORK | Hand fork | 14.50 | - | Loosens soil without hurting the bulbs.
SECATEURS | Secateurs | 29.50 | - | Sharp out of the box and easy to sharpen again.
TWINE | Garden twine | 4.20 | - | Two hundred metres of jute in a tin.
GLOVES | Gardening gloves | 18.00 | size | Goatskin, proof against most roses.
KNEELER | Garden kneeler | 21.00 | - | Your knees will write to thank you.
DIBBER | Wooden dibber | 8.00 | - | Marked in centimetres for tidy sowers.
LABELS | Plant labels, pack of twenty | 6.00 | - | Slate, and chalk to write with.
SEEDTIN | Seed tin | 19.00 | - | Sorted by month, so you sow on time.
SWEETPEA | Sweet pea seeds | 2.90 | - | An old mixture with all of the scent.
SUNFLOWER | Sunflower seeds | 2.50 | - | Two metres tall by August, with luck.
TOMATO | Tomato seeds | 2.80 | - | Small, sweet and early.
WILDFLOWER | Wildflower mix | 3.60 | duo | Rake the soil, scatter, and wait for bees.
BIRDFEEDER | Bird feeder | 17.50 | - | Squirrels will need a new hobby.
BIRDHOUSE | Nesting box | 24.00 | - | The right hole for tits, facing away from rain.
BEEHOTEL | Bee hotel | 26.00 | - | Rooms for sixty solitary guests.
GARDENLIGHT | Solar garden light | 13.00 | metal | Charges by day and marks the path by night.
NOTEBOOK | Cloth notebook | 12.00 | paper duo | Lies flat and takes a fountain pen.
POCKETBOOK | Pocket notebook | 6.50 | paper | Fits a back pocket and a week of ideas.
SKETCHBOOK | Sketchbook | 15.00 | duo | Heavy paper that stands up to water.
PLANNER | Weekly planner | 16.50 | linen | Fifty-two weeks, none of them labelled urgent.
WRITINGPAD | Writing pad | 9.00 | paper | For letters that deserve an answer.
ENVELOPES | Envelopes, pack of twenty | 7.00 | duo | Lined in tissue, gummed with peppermint.
POSTCARDS | Postcards, set of twelve | 8.50 | - | Twelve herbs, drawn from life.
GREETING | Greeting card | 3.20 | - | Blank inside, because you know best.
FOUNTAINPEN | Fountain pen | 46.00 | ink | A steel nib that starts every time.
INKBOTTLE | Bottle of ink | 11.50 | ink | Flows well and dries before you smudge it.
PENCILS | Pencils, box of twelve | 9.50 | - | From 4B to 4H, all cedar.
ERASER | Soft eraser | 1.80 | - | Gone without a trace, and so is the mistake.
SHARPENER | Brass sharpener | 6.20 | - | Solid brass and a blade that can be changed.
RULER | Brass ruler | 9.00 | - | Thirty centimetres, engraved, not printed.
SCISSORS | Paper scissors | 15.00 | metal | Long blades for one clean cut.
WASHI | Paper tape | 3.40 | linen | Sticks well and comes off politely.
STAMP | Rubber stamp | 7.50 | - | A small teapot, for those who care.
DESKTRAY | Desk tray | 27.00 | wood | A place for pens, keys and post.
PENPOT | Pen pot | 11.00 | glaze | Turns a desk into a studio.
BOOKENDS | Bookends, pair | 25.00 | metal | Heavy enough for an encyclopaedia.
TOTE | Canvas tote bag | 12.50 | linen | Carries the weekend's shopping and a book.
WRAPPING | Wrapping paper, three sheets | 6.00 | - | Block-printed, far too good to tear.
RIBBON | Cotton ribbon | 3.00 | linen | Five metres on a wooden reel.
GIFTWRAP | Gift wrapping | 3.50 | - | We wrap it, tie it and write your card by hand.
DELIVERY | Delivery | 4.95 | speed | Carried to your door and never thrown over the fence.
"""
