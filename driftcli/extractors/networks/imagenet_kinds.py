"""What a person would call ImageNet's classes together: dogs, not beagle, Labrador and 116 more."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

CLASSES = 1000


@dataclass(frozen=True, slots=True)
class Kind:
    """Some of the 1,000 classes under one name."""

    plural: str
    singular: str
    classes: str
    """Their numbers, and from-to for neighbours: the order is that of WordNet, so that most kinds are a few ranges."""


KINDS = (
    Kind("fish", "fish", "0-6 389-397"),
    Kind("birds", "bird", "7-24 80-100 127-146"),
    Kind("amphibians", "amphibian", "25-32"),
    Kind("turtles", "turtle", "33-37"),
    Kind("lizards", "lizard", "38-48"),
    Kind("crocodiles", "crocodile", "49-50"),
    Kind("snakes", "snake", "52-68"),
    Kind("spiders", "spider", "70 72-77"),
    Kind("snails and shells", "snail or shell", "112-117"),
    Kind("crabs and lobsters", "crab or lobster", "118-125"),
    Kind("sea mammals", "sea mammal", "147-150"),
    Kind("dogs", "dog", "151-268"),
    Kind("wolves and wild dogs", "wolf or wild dog", "269-275"),
    Kind("foxes", "fox", "277-280"),
    Kind("cats", "cat", "281-285"),
    Kind("big cats", "big cat", "286-293"),
    Kind("bears", "bear", "294-297"),
    Kind("beetles", "beetle", "300-307"),
    Kind("insects", "insect", "308-320"),
    Kind("butterflies", "butterfly", "321-326"),
    Kind("rabbits", "rabbit", "330-332"),
    Kind("rodents", "rodent", "333-338"),
    Kind("horses", "horse", "339"),
    Kind("pigs", "pig", "341-343"),
    Kind("cattle", "cow", "345-347"),
    Kind("sheep and goats", "sheep or goat", "348-350"),
    Kind("antelopes", "antelope", "351-353"),
    Kind("weasels and otters", "weasel or otter", "356-362"),
    Kind("monkeys and apes", "monkey or ape", "365-382"),
    Kind("elephants", "elephant", "101 385-386"),
    Kind("pandas", "panda", "387-388"),
    Kind("aircraft", "aircraft", "404-405 895 908"),
    Kind("ships and boats", "ship or boat", "403 472 484 510 554 576 625 628 694 724 780 814 833 871 914"),
    Kind("cars", "car", "407 436 468 475 479 511 573 581 609 627 656 661 734 751 817"),
    Kind("trucks and buses", "truck or bus", "555 569 654 675 717 757 779 864 867 874"),
    Kind("trains", "train", "466 547 565 705 820 829"),
    Kind("bicycles and motorcycles", "bicycle or motorcycle", "444 665 670-671 870 880"),
    Kind("farm and building machines", "farm or building machine", "561 595 621 730 803 856 866"),
    Kind(
        "buildings",
        "building",
        "425 437 442 449 483 497-498 500 538 580 634 660 663 668 698 727 743 832 853 858 873 900 915",
    ),
    Kind("bridges and piers", "bridge or pier", "460 525 718 821 839 888"),
    Kind("shops and restaurants", "shop or restaurant", "415 424 454 467 509 582 762 788 860 865"),
    Kind(
        "furniture",
        "piece of furniture",
        "423 431 453 492-493 495 516 520 526 532 548 559 564 648 703 765 831 846 857 894",
    ),
    Kind("windows and curtains", "window or curtain", "789 794 799 854 904-905"),
    Kind("fences", "fence", "421 489 716 912"),
    Kind(
        "computers and screens",
        "computer or screen",
        "487 508 527 590 592 605 620 662 664 673 681 713 742 782 810 851 878",
    ),
    Kind("cameras", "camera", "447 622 732 745 759 872"),
    Kind("clocks", "clock", "409 530-531 604 826 835 892"),
    Kind(
        "musical instruments",
        "musical instrument",
        "401-402 420 432 486 494 513 541-542 546 558 566 577 579 593-594 641-642 683-684 687 699 776 822 875 "
        "881 889",
    ),
    Kind("weapons", "weapon", "413 471 597 763-764"),
    Kind(
        "clothes",
        "garment",
        "399-400 411 433 439 445 452 457 459 465 474 501 515 529 552 568 578 601 608 610 614 617 638-639 652 "
        "655 658 667 689 697 735 775 793 806 808 824 834 841-842 869 887 906",
    ),
    Kind("shoes", "shoe", "502 514 630 770 774"),
    Kind("bags", "bag", "414 636 728 748 893"),
    Kind("bottles and glasses", "bottle or glass", "438 440-441 572 720 737 898-899 901 907 966"),
    Kind("cups and dishes", "cup or dish", "504-505 659 725 809 849 868 923 967-969"),
    Kind("kitchen utensils", "kitchen utensil", "469 473 499 503 512 521 544 567 618 647 813 828 909-910"),
    Kind("household appliances", "household appliance", "534 550 651 760 766 827 859 891 897"),
    Kind("tools", "tool", "462 477 491 587 596 623 677 726 731 740 783-784 792 840"),
    Kind("balls", "ball", "429-430 522 574 722 746 768 805 852 890"),
    Kind("printed matter", "printed page", "549 611 692 916-918 921-922"),
    Kind("street signs and lights", "street sign or light", "637 704 919-920"),
    Kind("food", "dish of food", "924-935 959-965"),
    Kind("vegetables", "vegetable", "936-945"),
    Kind("fruit", "fruit", "948-957"),
    Kind("mushrooms", "mushroom", "947 991-997"),
    Kind("flowers and plants", "flower or plant", "946 984-990 998"),
    Kind("landscapes", "landscape", "970 972 974-980"),
)
"""Not every class has a kind; none has two."""


@cache
def kind_of() -> NDArray[np.int16]:
    """[1000]: the place in KINDS of each class's kind, -1 where it has none."""
    found = np.full(CLASSES, -1, np.int16)
    for place, kind in enumerate(KINDS):
        for part in kind.classes.split():
            first, _, last = part.partition("-")
            found[int(first) : int(last or first) + 1] = place
    return found
