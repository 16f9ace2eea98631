import type {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import type { Contents } from '@jupyterlab/services';
import type { IBinItem } from '../past';

import {
  ICommandPalette,
  Notification,
  showErrorMessage
} from '@jupyterlab/apputils';
import { PathExt } from '@jupyterlab/coreutils';
import { IFileBrowserFactory } from '@jupyterlab/filebrowser';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';

import { fetchBin, purgeFromBin, restoreFromBin } from '../api';
import { BinActions } from './actions';
import { BinModel } from './model';
import { openRowMenu } from '../lists/menu';
import { areaTitle } from '../panel/areas';
import { BinSection } from './view';
import { areaOf } from '../panel/notice';
import {
  CommandIDs,
  DOMAIN,
  IMeshModel,
  IMeshPanel,
  NAMESPACE
} from '../tokens';

/** Milliseconds in which deletions count as one, and for which undoing them is offered. */
const TOGETHER = 300;
const UNDO = 8000;

const NO_ARGUMENTS = { args: { type: 'object', properties: {} } } as const;

export const bin: JupyterFrontEndPlugin<void> = {
  id: `${NAMESPACE}:bin`,
  description: 'What was deleted from the mesh, and the ways back.',
  autoStart: true,
  requires: [IMeshModel, IMeshPanel, IFileBrowserFactory],
  optional: [ICommandPalette, ITranslator],
  activate: (
    app: JupyterFrontEnd,
    mesh: IMeshModel,
    panel: IMeshPanel,
    factory: IFileBrowserFactory,
    palette: ICommandPalette | null,
    translator: ITranslator | null
  ): void => {
    const { commands, serviceManager, shell } = app;
    const { contents, serverSettings: settings } = serviceManager;
    const trans = (translator ?? nullTranslator).load(DOMAIN);
    const home = mesh.areas.find(area => area.name === 'home') ?? mesh.areas[0];
    const projects = mesh.areas.find(area => area.name === 'projects');

    const model: BinModel = new BinModel({
      home: { path: home.path, label: areaTitle(home.name, trans) },
      projects: async () => {
        if (!projects || projects === home) {
          return [];
        }
        const folder = await contents.get(projects.path);
        return (folder.content as Contents.IModel[]).map(each => ({
          path: each.path,
          label: each.name
        }));
      },
      fetch: path => fetchBin(settings, path),
      purge: (path, keys) => purgeFromBin(settings, path, keys),
      isSeen: (): boolean => section.isVisible,
      noteFailure: error => mesh.noteFailure(error)
    });

    const refreshBrowsers = async (): Promise<void> => {
      const seen = factory.tracker.filter(
        browser => browser.isVisible && mesh.contains(browser.model.path)
      );
      await Promise.all(seen.map(browser => browser.model.refresh()));
    };
    const actions = new BinActions({
      mesh,
      model,
      trans,
      fetch: area => fetchBin(settings, area),
      restore: (area, key, to) => restoreFromBin(settings, area, key, to),
      refreshBrowsers,
      show: async path => {
        shell.activateById(panel.id);
        await panel.showPath(PathExt.dirname(path));
        await panel.browser.selectItemByName(PathExt.basename(path));
      }
    });

    /** Where the row was is no place for the keyboard any more. */
    const thenFocus = (done: Promise<void>): void => {
      void done.then(() => section.focusList());
    };
    const section: BinSection = new BinSection(model, {
      root: mesh.root,
      trans,
      actions: {
        restore: item => thenFocus(actions.restoreRow(item)),
        more: (item, button) =>
          openRowMenu(button, [
            {
              label: trans.__('Restore Elsewhere…'),
              execute: () => thenFocus(actions.restoreElsewhere(item))
            },
            {
              label: trans.__('Delete for Ever…'),
              execute: () => thenFocus(actions.purge([item]))
            }
          ]),
        empty: () => thenFocus(actions.purge(model.found))
      }
    });
    panel.addSection(section, true);

    commands.addCommand(CommandIDs.showBin, {
      label: trans.__('Show Bin'),
      caption: trans.__('Show what was deleted from the mesh'),
      describedBy: NO_ARGUMENTS,
      execute: () => {
        shell.activateById(panel.id);
        panel.expandSection(section);
        section.focusList();
      }
    });
    palette?.addItem({
      command: CommandIDs.showBin,
      category: trans.__('Mesh')
    });

    const undo = async (paths: readonly string[]): Promise<void> => {
      const bins = new Map<string, IBinItem[]>();
      try {
        for (const path of paths) {
          const area = spaceOf(path, mesh);
          const items = bins.get(area) ?? (await fetchBin(settings, area));
          bins.set(area, items);
          // The latest first: this one was deleted just now.
          const item = items.find(each => each.path === path);
          if (item) {
            await actions.restore(area, item);
          }
        }
        await Promise.all([refreshBrowsers(), model.refresh()]);
      } catch (error) {
        await showErrorMessage(trans.__('Not restored'), error as Error);
      }
    };

    let deleted: string[] = [];
    let timer = 0;
    /** A quiet way back right after something was deleted. */
    const offerUndo = (): void => {
      const paths = deleted;
      deleted = [];
      if (section.isVisible) {
        void model.refresh();
      }
      Notification.emit(
        paths.length === 1
          ? trans.__('"%1" is in the bin.', PathExt.basename(paths[0]))
          : trans.__('%1 things are in the bin.', paths.length),
        'default',
        {
          autoClose: UNDO,
          actions: [
            { label: trans.__('Undo'), callback: () => void undo(paths) }
          ]
        }
      );
    };
    contents.fileChanged.connect((_, change) => {
      const path = change.oldValue?.path;
      if (change.type !== 'delete' || !path || !mesh.contains(path)) {
        return;
      }
      if (areaOf(path, mesh.areas)?.name !== 'shares') {
        deleted.push(path);
        window.clearTimeout(timer);
        timer = window.setTimeout(offerUndo, TOGETHER);
      }
    }, bin);
  }
};

/** API path of the space whose bin has what was deleted at `path`. */
function spaceOf(path: string, mesh: IMeshModel): string {
  const area = areaOf(path, mesh.areas);
  if (area?.name !== 'projects') {
    return area?.path ?? path;
  }
  const [project] = path.slice(area.path.length + 1).split('/');
  return PathExt.join(area.path, project);
}
