"""The provider for BinderHub, called as BinderHub's builder calls it.

BinderHub is not on PyPI but for a release of 2018. Its base class stands here with what the builder and the start page
use of it (jupyterhub/binderhub b9fad99, ``repoproviders.py``, ``builder.py``): a real BinderHub was not run.
"""

import importlib
import sys
import types
from urllib.parse import quote

import pytest
from traitlets import Unicode
from traitlets.config import Config, LoggingConfigurable

from jupyter_mesh.binder.reading import tree_id


class RepoProvider(LoggingConfigurable):
    name = Unicode()
    spec = Unicode()
    unresolved_ref = Unicode()
    git_credentials = Unicode("", config=True)


@pytest.fixture
def provider(monkeypatch):
    """Makes the provider of a spec."""
    module = types.ModuleType("binderhub.repoproviders")
    module.RepoProvider = RepoProvider
    monkeypatch.setitem(sys.modules, "binderhub", types.ModuleType("binderhub"))
    monkeypatch.setitem(sys.modules, "binderhub.repoproviders", module)
    monkeypatch.delitem(sys.modules, "jupyter_mesh.binder.hub", raising=False)
    made = importlib.import_module("jupyter_mesh.binder.hub").CS3RepoProvider
    yield lambda spec, **traits: made(spec=spec, config=Config({"CS3RepoProvider": traits}))
    sys.modules.pop("jupyter_mesh.binder.hub", None)


async def test_what_the_builder_asks(provider, shared, read):
    link = await shared.link("work")
    async with read(link) as (_, files):
        ref = tree_id(files)
    one = provider(quote(link, safe=""))
    assert await one.get_resolved_ref() == ref
    assert await one.get_resolved_spec() == quote(link, safe="")
    assert one.get_repo_url() == await one.get_resolved_ref_url() == link
    for spec in (link, quote(link, safe="") + "/", quote(link, safe="") + "/HEAD"):
        assert provider(spec).get_repo_url() == link
    token = link.rpartition("/")[2]
    assert token not in one.get_build_slug()
    assert one.get_build_slug() == provider(quote(f"{link}/", safe="")).get_build_slug()
    assert one.get_build_slug() != provider(quote(f"{link}/analysis", safe="")).get_build_slug()
    assert one.get_build_slug().islower()


async def test_a_link_that_has_ended_has_no_ref(provider, shared):
    assert (
        await provider(quote(f"{shared.site.url}/s/NoSuchToken123", safe="")).get_resolved_ref()
        is None
    )


async def test_why_a_link_is_not_built_is_shown(provider, shared):
    link = await shared.link("bare", password="correct horse 1905!")
    with pytest.raises(ValueError, match="This link has a password"):
        await provider(quote(link, safe="")).get_resolved_ref()
    with pytest.raises(ValueError, match="This is no public link"):
        provider("binder-examples/requirements/HEAD")
    with pytest.raises(ValueError, match=r"Links of 127\.0\.0\.1 are not built here"):
        provider(quote(link, safe=""), hosts=["mesh.example.org"])
