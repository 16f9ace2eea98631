"""Rules of placement, and where things are kept as real sites tell it."""

import pytest
from traitlets import TraitError
from traitlets.config import Config

from jupyter_mesh.errors import MeshError
from jupyter_mesh.links import Link
from jupyter_mesh.models import Role, ShareState
from jupyter_mesh.placement import MeshPlacement, Whereabouts, look
from jupyter_mesh.sharing import Sharing
from jupyter_mesh.testing.site import federated_nodes

LOFAR = Whereabouts(name="lofar", path="projects/lofar", storage="s1", space="p7")
DEEP = Whereabouts(name="fit.ipynb", path="projects/lofar/a/fit.ipynb", storage="s1", space="p7")
REMOTE = Whereabouts(name="survey", path="shares/survey", site="coast.example.org", storage="ocm")
HOME = Whereabouts(name="Your files", path="home", storage="s2")


@pytest.mark.parametrize(
    ("match", "where", "fits"),
    [
        pytest.param({"path": "projects/lofar"}, LOFAR, True, id="path"),
        pytest.param({"path": "projects/lofar"}, DEEP, True, id="below the path"),
        pytest.param({"path": "projects/lof"}, LOFAR, False, id="not the whole name"),
        pytest.param({"path": "projects/lof*"}, DEEP, True, id="pattern"),
        pytest.param({"storage": "s1"}, DEEP, True, id="storage"),
        pytest.param({"storage": ["x", "s1"]}, DEEP, True, id="one of a list"),
        pytest.param({"storage": "s1", "space": "p8"}, LOFAR, False, id="all must fit"),
        pytest.param({"site": "*.example.org"}, REMOTE, True, id="another institution"),
        pytest.param({"site": ""}, REMOTE, False, id="not the own one"),
        pytest.param({"site": ""}, HOME, True, id="the own one"),
        pytest.param({}, HOME, False, id="no rule"),
    ],
)
def test_match(match, where, fits):
    assert where.fits(match) is fits


@pytest.fixture
def rules():
    return MeshPlacement(
        config=Config(
            MeshPlacement={
                "here": "Alpine University",
                "placements": {
                    "coast": {"title": "Coast", "match": {"site": "coast.*"}},
                    "big": {"title": "Big", "has": "1 TB", "groups": ["staff"]},
                    "lofar": {"title": "Lofar", "match": {"path": "projects/lofar"}},
                },
                "environments": {"gpu": {"groups": ["staff"]}, "data": {}},
            }
        )
    )


@pytest.mark.parametrize(
    ("where", "first", "reason", "others"),
    [
        pytest.param(None, "here", "", "", id="nothing to open"),
        pytest.param(HOME, "here", "", "", id="home"),
        pytest.param(
            REMOTE,
            "coast",
            '"survey" is stored there.',
            "Files are fetched when read: slower.",
            id="share",
        ),
        pytest.param(
            DEEP,
            "lofar",
            '"fit.ipynb" is stored there.',
            "Files are fetched when read: slower.",
            id="project",
        ),
        pytest.param(
            Whereabouts(name="x", path="shares/x", site="far.example"),
            "here",
            '"x" is stored at far.example. Files are fetched when read.',
            '"x" is stored at far.example. Files are fetched when read.',
            id="far away",
        ),
    ],
)
def test_the_best_comes_first_and_says_why(rules, where, first, reason, others):
    best, *rest = rules.offers(where)
    assert (best.name, best.reason) == (first, reason)
    assert {offer.reason for offer in rest} == {others}
    assert {offer.name for offer in (best, *rest)} == {"here", "coast", "lofar"}


def test_what_is_for_a_group_is_offered_to_its_members(rules):
    assert "big" in {offer.name for offer in rules.offers(None, groups={"staff"})}
    assert rules.decide(HOME, "big").name == "here"
    assert rules.decide(HOME, "big", groups={"staff"}).name == "big"
    assert list(rules.offered_environments()) == ["data"]
    assert rules.environment("gpu") is None
    assert rules.environment("gpu", {"staff"}) == {"groups": ["staff"]}


def test_a_choice_wins_over_a_rule(rules):
    assert rules.decide(LOFAR, "here").name == "here"
    assert rules.decide(LOFAR, "nowhere").name == "lofar"


def test_without_rules_there_is_one_place():
    rules = MeshPlacement()
    assert not rules.is_choice
    assert not rules.has_rules
    (offer,) = rules.offers(LOFAR, "Alpine University")
    assert (offer.name, offer.title, offer.reason) == ("here", "Alpine University", "")


@pytest.mark.parametrize(
    ("placements", "named"),
    [
        pytest.param({"a": {"titel": "A"}}, "titel", id="misspelt"),
        pytest.param({"a": {"match": {"project": "x"}}}, "project", id="unknown rule"),
        pytest.param({"a": {"match": "x"}}, "a", id="match is a text"),
        pytest.param({"a": "x"}, "a", id="entry is a text"),
        pytest.param({"a": {"override": ["x"]}}, "a", id="override is a list"),
        pytest.param({"a b": {}}, "a b", id="no name"),
    ],
)
def test_what_is_set_up_wrongly_is_told(placements, named):
    with pytest.raises(TraitError, match=named):
        MeshPlacement(placements=placements)


@pytest.fixture(scope="module", params=["spaces", "paths"])
async def sites(request, tmp_path_factory, grpc_kept):
    data = tmp_path_factory.mktemp("sites")
    async with federated_nodes(data, flavours=(request.param, "spaces")) as sites:
        yield sites


async def test_where_things_are(sites):
    async with sites[0].client() as mesh:
        await mesh.mkdir("home/deep")
        made = await mesh.upload("home/deep/fit.ipynb", b"{}")
        found = await look(mesh, "cs3://alpine/home/deep/fit.ipynb")
        assert (found.name, found.path, found.site) == ("fit.ipynb", "home/deep/fit.ipynb", "")
        assert (found.storage, found.space) == (made.id.storage, made.id.space)
        assert await look(mesh, Link(id=made.id).to_url("alpine")) == found
        home = await look(mesh, "cs3://alpine/home")
        assert home.name == "Your files"
        project = await look(mesh, "cs3://alpine/projects/dimuon")
        assert (project.name, project.path) == ("dimuon", "projects/dimuon")
        top = await look(mesh, "cs3://alpine/projects")
        assert (top.path, top.storage) == ("projects", "")
        for gone in ("home/gone", "projects/gone/x", "shares/gone", ".id/a$b!c"):
            with pytest.raises(MeshError):
                await look(mesh, f"cs3://alpine/{gone}")


async def test_what_another_institution_keeps(sites):
    async with sites[0].client() as mesh, sites[1].client() as other:
        mine, theirs = Sharing(mesh), Sharing(other)
        letter = await theirs.invitations.create()
        await mine.invitations.accept(letter.code)
        await other.mkdir("home/survey")
        await other.upload("home/survey/data.csv", b"1")
        (me,) = await theirs.contacts.listed()
        await theirs.share("home/survey", me, Role.VIEWER)
        (share,) = await mine.received()
        accepted = await mine.answer(share.id, ShareState.ACCEPTED)
        found = await look(mesh, f"cs3://alpine/{accepted.path}/data.csv")
        assert (found.name, found.site, found.owner) == ("data.csv", sites[1].domain, "noether")
