import type {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';

import { IFileBrowserFactory } from '@jupyterlab/filebrowser';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';

import { openRowMenu } from '../lists/menu';
import { addSection } from '../lists/drawn';
import { removeShare } from '../sharing/api';
import { SharedActions } from './actions';
import {
  answerReceived,
  fetchOwn,
  fetchOwnLinks,
  fetchReceived,
  hideReceived,
  leaveReceived
} from './api';
import { SharedModel } from './model';
import { SharedSection } from './view';
import {
  CommandIDs,
  DOMAIN,
  IMeshModel,
  IMeshPanel,
  ISharingState,
  NAMESPACE
} from '../tokens';

export const shared: JupyterFrontEndPlugin<void> = {
  id: `${NAMESPACE}:shared`,
  description: 'What others share with the user, and what the user shares.',
  autoStart: true,
  requires: [IMeshModel, IMeshPanel, ISharingState, IFileBrowserFactory],
  optional: [ITranslator],
  activate: (
    app: JupyterFrontEnd,
    mesh: IMeshModel,
    panel: IMeshPanel,
    sharing: ISharingState,
    factory: IFileBrowserFactory,
    translator: ITranslator | null
  ): void => {
    const { commands, serviceManager } = app;
    const settings = serviceManager.serverSettings;
    const trans = (translator ?? nullTranslator).load(DOMAIN);
    const area = mesh.areas.find(each => each.name === 'shares');

    /** What was accepted or left shows where the area of shares is open. */
    const refreshBrowsers = (): void => {
      for (const browser of factory.tracker.filter(each => each.isVisible)) {
        if (area && `${browser.model.path}/`.startsWith(`${area.path}/`)) {
          void browser.model.refresh();
        }
      }
    };
    const model: SharedModel = new SharedModel({
      mesh,
      sharing,
      isSeen: () => panel.isVisible,
      isOpen: (): boolean => section.isVisible,
      fetchReceived: (cursor, limit) => fetchReceived(settings, cursor, limit),
      fetchShares: (cursor, limit) => fetchOwn(settings, cursor, limit),
      fetchLinks: (cursor, limit) => fetchOwnLinks(settings, cursor, limit),
      answer: (id, state) => answerReceived(settings, id, state),
      hide: (id, hidden) => hideReceived(settings, id, hidden),
      leave: id => leaveReceived(settings, id),
      onMoved: refreshBrowsers
    });
    const actions = new SharedActions({
      model,
      trans,
      focus: id => section.focusRow(id),
      openPath: path => commands.execute(CommandIDs.openPath, { path }),
      share: path => commands.execute(CommandIDs.share, { path }),
      removeShare: id => removeShare(settings, id)
    });
    const section: SharedSection = new SharedSection(model, {
      trans,
      actions: {
        accept: item => void actions.accept(item),
        decline: item => void actions.decline(item),
        open: item => void actions.open(item),
        remove: item => void model.leave(item),
        more: (item, button) => openRowMenu(button, actions.menuOf(item)),
        share: row => void actions.share(row)
      }
    });
    sharing.changed.connect((_, event) => {
      if (event.what === 'received') {
        refreshBrowsers();
      }
    }, shared);
    addSection({
      panel,
      section,
      mesh,
      sharing,
      commands,
      isOffered: () =>
        (['userShares', 'groupShares', 'federated', 'links'] as const).some(
          name => sharing.can(name)
        ),
      refresh: () => model.refresh()
    });
  }
};
