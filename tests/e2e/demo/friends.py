"""What two accounts at two sites know of each other, without a browser."""

from jupyter_mesh.models import Role
from jupyter_mesh.sharing import Sharing


def befriend(one, other):
    """``other`` accepts an invitation of ``one``."""
    letter = one.ask_site(lambda mesh: Sharing(mesh).invitations.create())
    other.ask_site(lambda mesh: Sharing(mesh).invitations.accept(letter.code))


async def forget_everybody(mesh):
    """Nothing of the user is shared any more, and nobody is known."""
    sharing = Sharing(mesh)
    for project in await sharing.projects.list():
        if project.role is Role.OWNER:
            await sharing.projects.dissolve(project.id)
    for share in await sharing.by_me():
        await sharing.remove(share.id)
    for contact in await sharing.contacts.listed():
        await sharing.contacts.remove(contact.key)
