import type {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import type { Received } from './api';
import type { IReadyInvitation } from './invite';

import { IRouter } from '@jupyterlab/application';
import { ICommandPalette } from '@jupyterlab/apputils';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import { JSONExt } from '@lumino/coreutils';
import * as React from 'react';

import { FormDialog } from '../dialogs/form';
import { addSection } from '../lists/drawn';
import { openRowMenu } from '../lists/menu';
import { PeopleActions } from './actions';
import {
  acceptInvitation,
  copyInvitation,
  createInvitation,
  fetchContacts,
  fetchEmail,
  fetchInvitations,
  fetchSites,
  readInvitation,
  removeContact,
  withdrawInvitation
} from './api';
import { invitationIn, withoutInvitation } from './arrival';
import { AcceptForm } from './accept';
import { InviteForm } from './invite';
import { PeopleModel } from './model';
import { PeopleSection } from './view';
import {
  CommandIDs,
  DOMAIN,
  IMeshModel,
  IMeshPanel,
  ISharingState,
  NAMESPACE
} from '../tokens';

const NO_ARGUMENTS = { args: { type: 'object', properties: {} } } as const;

export const people: JupyterFrontEndPlugin<void> = {
  id: `${NAMESPACE}:people`,
  description:
    'Contacts at other institutions, and the invitations that make them.',
  autoStart: true,
  requires: [IMeshModel, IMeshPanel, ISharingState],
  optional: [IRouter, ICommandPalette, ITranslator],
  activate: (
    app: JupyterFrontEnd,
    mesh: IMeshModel,
    panel: IMeshPanel,
    sharing: ISharingState,
    router: IRouter | null,
    palette: ICommandPalette | null,
    translator: ITranslator | null
  ): void => {
    const { commands, serviceManager, shell } = app;
    const settings = serviceManager.serverSettings;
    const trans = (translator ?? nullTranslator).load(DOMAIN);

    const model: PeopleModel = new PeopleModel({
      mesh,
      sharing,
      isSeen: (): boolean => section.isVisible,
      fetchContacts: (text, cursor, limit) =>
        fetchContacts(settings, text, cursor, limit),
      fetchInvitations: (cursor, limit) =>
        fetchInvitations(settings, cursor, limit),
      removeContact: key => removeContact(settings, key),
      withdraw: id => withdrawInvitation(settings, id)
    });

    const invite = async (ready?: IReadyInvitation): Promise<void> => {
      const dialog = new FormDialog(trans.__('Invite someone'), ({ close }) =>
        React.createElement(InviteForm, {
          ready,
          create: async note => {
            const made = await createInvitation(settings, note);
            void model.refresh();
            return made;
          },
          close,
          trans
        })
      );
      await dialog.launch();
    };
    const accept = async (received: Received | null): Promise<void> => {
      let contact = '';
      const dialog = new FormDialog(
        trans.__('I got an invitation'),
        ({ close }) =>
          React.createElement(AcceptForm, {
            received,
            read: (given, site) => readInvitation(settings, given, site),
            accept: (given, site) => acceptInvitation(settings, given, site),
            findSites: async text => (await fetchSites(settings, text)).items,
            onAccepted: person => {
              contact = person?.key ?? '';
              void model.refresh();
            },
            close,
            trans
          })
      );
      await dialog.launch();
      if (contact) {
        shell.activateById(panel.id);
        panel.expandSection(section);
        await model.refresh();
        section.focusRow(contact);
      }
    };

    const actions = new PeopleActions({
      model,
      trans,
      fetchEmail: key => fetchEmail(settings, key),
      fetchTexts: id => copyInvitation(settings, id),
      showTexts: invite,
      noteFailure: error => mesh.noteFailure(error)
    });
    const section: PeopleSection = new PeopleSection(model, {
      trans,
      actions: {
        invite: () => void invite(),
        accept: () => void accept(null),
        more: (person, button) => openRowMenu(button, actions.menuOf(person)),
        moreOf: (invitation, button) =>
          openRowMenu(button, actions.menuOfInvitation(invitation))
      }
    });
    addSection({
      panel,
      section,
      mesh,
      sharing,
      commands,
      isOffered: () => sharing.can('contacts') || sharing.can('invitations'),
      refresh: () => model.refresh()
    });

    const isOffered = (): boolean =>
      mesh.status?.state !== 'not-configured' && sharing.can('invitations');
    commands.addCommand(CommandIDs.invite, {
      label: trans.__('Invite Someone…'),
      caption: () =>
        sharing.whyNot('invitations') ||
        trans.__('Invite someone from another institution'),
      describedBy: NO_ARGUMENTS,
      isEnabled: isOffered,
      execute: () => invite()
    });
    commands.addCommand(CommandIDs.acceptInvitation, {
      label: trans.__('I Got an Invitation…'),
      caption: () =>
        sharing.whyNot('invitations') ||
        trans.__('Become a contact of whoever has invited you'),
      describedBy: {
        args: {
          type: 'object',
          properties: {
            text: {
              type: 'string',
              description: trans.__('Link or code; without it you are asked')
            }
          }
        }
      },
      isEnabled: isOffered,
      execute: args => accept(args.text ? { text: args.text as string } : null)
    });
    let last: Received | null = null;
    commands.addCommand(CommandIDs.openInvitation, {
      label: trans.__('Open Invitation'),
      caption: trans.__('Show the invitation that the address names'),
      describedBy: NO_ARGUMENTS,
      isVisible: () => false,
      execute: () => {
        const received = invitationIn(window.location);
        // It is a secret: it stays in no address, and in no history.
        window.history.replaceState(
          window.history.state,
          '',
          withoutInvitation(window.location)
        );
        // An address that resets the layout is routed twice.
        if (received && !JSONExt.deepEqual(received, last)) {
          last = received;
          // The layout is restored only after this command has returned.
          void app.restored.then(() => accept(received));
        }
      }
    });
    router?.register({
      command: CommandIDs.openInvitation,
      pattern: /[?&]mesh-invitation=|[#&]mesh-invite=/,
      rank: 20
    });
    sharing.abilitiesChanged.connect(() => {
      commands.notifyCommandChanged(CommandIDs.invite);
      commands.notifyCommandChanged(CommandIDs.acceptInvitation);
    }, people);
    for (const command of [CommandIDs.invite, CommandIDs.acceptInvitation]) {
      palette?.addItem({ command, category: trans.__('Mesh') });
    }
  }
};
