"""Names of classes, labels by name, and which classes of two lists are the same."""

import subprocess
import sys

import numpy as np
import pytest

from kerasgan.utils import classes

GARMENTS = ("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot")
DIGITS = ("1", "10", "2")  # folders of these names, sorted


@pytest.mark.parametrize(
    "labels, numbers",
    [
        ("Ankle boot", 9),
        (np.str_("Bag"), 8),
        (["Bag", 3, "Coat", np.int64(1)], [8, 3, 4, 1]),
        (("Bag", "Bag"), [8, 8]),
        (np.array(["Dress", "Coat"]), [3, 4]),
        (np.array(["Dress", 4], object), [3, 4]),
        (3, 3),
        ([1, 2], [1, 2]),
        (None, None),
    ],
)
def test_names_become_numbers(labels, numbers):
    assert classes.numbers(labels, GARMENTS) == numbers


def test_what_has_no_names_is_left_as_it_is():
    for labels in (np.arange(3), np.array([[1, 2]]), 2.5, range(3)):
        assert classes.numbers(labels, GARMENTS) is labels and not classes.has_names(labels)
    assert classes.has_names("Bag") and classes.has_names([1, "Bag"]) and classes.has_names(np.array(["Bag"]))


@pytest.mark.parametrize(
    "name, message",
    [
        ("ankle Boot", "labels: no class is named 'ankle Boot'; did you mean 'Ankle boot'?"),
        ("boot", "did you mean 'Ankle boot'?"),
        ("Trousers", "did you mean 'Trouser'?"),
        ("xyz", "no class is named 'xyz'. The classes are 'T-shirt/top', 'Trouser'"),
        ("", "no class is named ''. The classes are"),
    ],
)
def test_an_unknown_name_tells_the_nearest_and_all(name, message):
    with pytest.raises(ValueError) as error:
        classes.numbers([0, name], GARMENTS)
    assert message in str(error.value) and "'Ankle boot'" in str(error.value)


def test_messages_are_short():
    many = tuple(f"class of things number {i}" for i in range(1000))
    with pytest.raises(ValueError) as error:
        classes.numbers("z" * 10**6, many)
    assert len(str(error.value)) < 500 and "(1,000 in all)" in str(error.value)
    with pytest.raises(ValueError) as error:
        classes.checked([*many, "x" * 10**6], 3)
    assert len(str(error.value)) < 500
    with pytest.raises(
        ValueError, match="labels: expected numbers, as the names of the classes are not known; got 'a'"
    ):
        classes.numbers("a", None)


@pytest.mark.parametrize(
    "text, names, labels",
    [
        (None, GARMENTS, None),
        ("3", None, 3),
        ("0,1, 2", None, [0, 1, 2]),
        ("-1", GARMENTS, -1),
        ("Ankle boot", GARMENTS, "Ankle boot"),
        ("Bag, 3 ,T-shirt/top", GARMENTS, ["Bag", 3, "T-shirt/top"]),
        ("tench, Tinca tinca", ("tench, Tinca tinca", "goldfish"), "tench, Tinca tinca"),
        ('goldfish,"tench, Tinca tinca",0', ("tench, Tinca tinca", "goldfish"), ["goldfish", "tench, Tinca tinca", 0]),
        ('"the ""big"" one",1', ('the "big" one', "other"), ['the "big" one', 1]),
        ("10", DIGITS, "10"),  # there are no eleven classes
        ("0,5", DIGITS, [0, 5]),
        ("2", DIGITS, 2),  # number and name of the same
        ('"1",0', DIGITS, ["1", 0]),
        ("7", tuple("0123456789"), 7),
        ("a,", GARMENTS, ["a", ""]),
    ],
)
def test_what_a_command_was_given(text, names, labels):
    assert classes.of_text(text, names) == labels


def test_digits_that_may_mean_two_classes_are_refused():
    with pytest.raises(ValueError, match="--labels: 1 is the number of the class '10' and the name of another; put"):
        classes.of_text("0,1", DIGITS)


@pytest.mark.parametrize(
    "names, count, message",
    [
        (["a"], 2, "class_names: expected 2 names, one a class; got 1: 'a'"),
        (["a"], 0, "class_names: expected None, as the model is unconditional; got 1: 'a'"),
        (["a", "a", "b"], 3, "expected each name once, else a name means two classes; twice: 'a'"),
        (["a", " "], 2, "expected names that are text of one line; got ' '"),
        (["a", "b\nc"], 2, r"expected names that are text of one line; got 'b\\nc'"),
        (["a", "\x1b[31m"], 2, "expected names that are text of one line"),
        (["a", 3], 2, r"expected a list of strings, one a class; got \['a', 3\]"),
        ("ab", 2, "expected a list of strings, one a class; got 'ab'"),
        (3, 3, "expected a list of strings, one a class; got 3"),
    ],
)
def test_names_that_cannot_be_are_named(names, count, message):
    with pytest.raises(ValueError, match=message):
        classes.checked(names, count)
    assert classes.known(names, count) is None


def test_names_that_may_be():
    assert classes.checked(["été", "猫", "a b"], 3) == ("été", "猫", "a b") == classes.known(("été", "猫", "a b"), 3)
    assert classes.checked(None, 3) is None and classes.known(None, 3) is None
    assert classes.checked(np.array(["a", "b"])) == ("a", "b")


def matched(names, data, count=3):
    return classes.matched(names, count, data, "photos")


def test_classes_are_matched_by_name():
    names = ("cat", "dog", "owl")
    assert matched(names, names) == (None, True)
    assert matched(names, ("owl", "cat", "dog")) == ([2, 0, 1], True)
    assert matched(names, ("cat", "owl")) == ([0, 2], True)
    assert matched(("0", "1", "2"), ("0", "2")) == ([0, 2], True)
    with pytest.raises(
        ValueError, match="photos: expected classes of the model, 'cat', .*; it has others: 'cow'. Leave"
    ):
        matched(names, ("cat", "cow", "dog"))
    with pytest.raises(ValueError, match="it has others: 'Cat'"):
        matched(names, ("Cat", "dog", "owl"))


def test_names_of_folders_are_matched_though_they_have_other_separators():
    assert matched(GARMENTS[:3], ("Pullover", "T-shirt_top", "Trouser")) == ([2, 0, 1], True)
    assert matched(("a b", "a_b", "c"), ("a_b", "c")) == ([1, 2], True)  # what would be one name is compared as it is
    with pytest.raises(ValueError, match="it has others: 'a-b'. Leave"):
        matched(("a b", "a_b", "c"), ("a-b", "c"))
    with pytest.raises(ValueError, match="it has others: 'C'. Leave"):
        matched(("C++", "Java", "Lisp"), ("C", "Java"))


def test_without_names_classes_are_matched_by_number_and_there_must_be_as_many():
    names = ("cat", "dog", "owl")
    for model, data in ((None, names), (("0", "1", "2"), names), (names, ("0", "1", "2"))):
        assert matched(model, data) == (None, False)
    assert matched(names, None) == (None, False)
    for model, data in ((None, names[:2]), (names, ("0", "1")), (None, (*names, "cow"))):
        with pytest.raises(
            ValueError, match=r"photos: expected as many classes as the model has, 3, .*; it has [24]: "
        ):
            matched(model, data)


def test_differences_in_words():
    names = ("cat", "dog", "owl")
    assert classes.difference(names, names) == ""
    assert classes.difference(names, list(names)) == ""
    assert classes.difference(names, ("owl", "cat", "dog")).startswith(
        "the same classes in another order: 'owl', 'cat'"
    )
    assert classes.difference(names, ("cat", "dog", "emu")).startswith("other classes: 'cat', 'dog', 'emu' instead of")
    assert classes.difference(names, names[:2]).startswith("2 classes instead of 3: 'cat', 'dog' instead of")
    assert classes.difference(names, None) == "0 classes instead of 3: none instead of 'cat', 'dog', 'owl'"
    assert classes.difference(classes.unnamed(3), names) == "" == classes.difference(None, None)
    assert classes.difference(classes.unnamed(2), names).startswith("3 classes instead of 2: ")


def test_it_imports_nothing_heavy():
    code = "import sys, kerasgan.utils.classes; sys.exit(bool({'tensorflow', 'keras', 'numpy'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
