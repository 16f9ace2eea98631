import type {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import type { IProject, Role } from '../sharing/api';
import type { IMenuItem } from '../lists/menu';

import { Dialog, ICommandPalette, showDialog } from '@jupyterlab/apputils';
import { IFileBrowserFactory } from '@jupyterlab/filebrowser';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import * as React from 'react';

import { FormDialog } from '../dialogs/form';
import { addSection } from '../lists/drawn';
import { openRowMenu } from '../lists/menu';
import { searchPeople } from '../sharing/api';
import {
  changeProject,
  createProject,
  dissolveProject,
  fetchProject,
  fetchProjects,
  leaveProject,
  planProject,
  repairProject
} from './api';
import { ProjectForm } from './form';
import { ProjectsModel } from './model';
import { ProjectsSection } from './view';
import { needsRepair } from './words';
import {
  CommandIDs,
  DOMAIN,
  IMeshModel,
  IMeshPanel,
  ISharingState,
  NAMESPACE
} from '../tokens';

/** Projects among which a new one is looked for while it is being made. */
const LOOKED_AT = 100;

export const projects: JupyterFrontEndPlugin<void> = {
  id: `${NAMESPACE}:projects`,
  description: 'Folders that people at several sites work in together.',
  autoStart: true,
  requires: [IMeshModel, IMeshPanel, ISharingState, IFileBrowserFactory],
  optional: [ICommandPalette, ITranslator],
  activate: (
    app: JupyterFrontEnd,
    mesh: IMeshModel,
    panel: IMeshPanel,
    sharing: ISharingState,
    factory: IFileBrowserFactory,
    palette: ICommandPalette | null,
    translator: ITranslator | null
  ): void => {
    const { commands, serviceManager, shell } = app;
    const settings = serviceManager.serverSettings;
    const trans = (translator ?? nullTranslator).load(DOMAIN);

    const refreshBrowsers = (): void => {
      for (const browser of factory.tracker.filter(each => each.isVisible)) {
        if (mesh.contains(browser.model.path)) {
          void browser.model.refresh();
        }
      }
    };
    const model: ProjectsModel = new ProjectsModel({
      mesh,
      sharing,
      isSeen: (): boolean => section.isVisible,
      fetch: (cursor, limit) => fetchProjects(settings, cursor, limit),
      repair: id => repairProject(settings, id),
      leave: id => leaveProject(settings, id),
      dissolve: id => dissolveProject(settings, id),
      onMoved: refreshBrowsers
    });

    const open = (project: IProject): void => {
      void commands.execute(CommandIDs.openPath, { path: project.path });
    };
    const edit = async (project: IProject | null): Promise<void> => {
      let made = '';
      const roles: Role[] = sharing.can('uploader')
        ? ['viewer', 'editor', 'uploader']
        : ['viewer', 'editor'];
      const dialog = new FormDialog(
        project
          ? trans.__('Members of "%1"', project.name)
          : trans.__('New project'),
        ({ close, keepEscape }) =>
          React.createElement(ProjectForm, {
            project,
            roles,
            ownSite: model.siteTitle,
            search: (text, signal) => searchPeople(settings, text, signal),
            plan: wanted => planProject(settings, wanted),
            apply: async wanted => {
              const next = project
                ? await changeProject(settings, project, wanted.members)
                : await createProject(settings, wanted);
              made = next.id;
              model.put(next);
              refreshBrowsers();
              return next;
            },
            look: async wanted =>
              project
                ? fetchProject(settings, project.id)
                : ((await fetchProjects(settings, '', LOOKED_AT)).items.find(
                    each => each.name === wanted.name
                  ) ?? null),
            repair: async each => {
              const next = await repairProject(settings, each.id);
              model.put(next);
              return next;
            },
            onInvite: sharing.can('invitations')
              ? () => {
                  close();
                  void commands.execute(CommandIDs.invite);
                }
              : undefined,
            open,
            close,
            keepEscape,
            trans
          })
      );
      await dialog.launch();
      if (made && section.isVisible) {
        section.focusRow(made);
      }
    };

    const confirm = async (
      title: string,
      body: string,
      verb: string
    ): Promise<boolean> => {
      const { button } = await showDialog({
        title,
        body,
        defaultButton: 0,
        buttons: [
          Dialog.cancelButton({ label: trans.__('Cancel') }),
          Dialog.warnButton({ label: verb })
        ]
      });
      return button.accept;
    };
    const leave = async (project: IProject): Promise<void> => {
      const isSure = await confirm(
        trans.__('Leave "%1"?', project.name),
        trans.__(
          'The project goes from your files. It stays with the others as it is, with what you have changed there. Only its owner can let you in again.'
        ),
        trans.__('Leave')
      );
      if (isSure) {
        await model.leave(project);
      }
    };
    const dissolve = async (project: IProject): Promise<void> => {
      const count = project.members.length;
      const isSure = await confirm(
        trans.__('Dissolve "%1"?', project.name),
        trans._n(
          '%1 member loses access. The folder stays with you, with everything in it. Copies already taken stay with those who took them.',
          '%1 members lose access. The folder stays with you, with everything in it. Copies already taken stay with those who took them.',
          count,
          count
        ),
        trans.__('Dissolve')
      );
      if (isSure) {
        await model.dissolve(project);
      }
    };
    const menuOf = (project: IProject): IMenuItem[] => {
      const items: IMenuItem[] = [
        { label: trans.__('Open'), execute: () => open(project) }
      ];
      if (project.me === 'owner') {
        items.push({
          label: trans.__('Add or Remove People…'),
          execute: () => void edit(project)
        });
        if (needsRepair(project)) {
          items.push({
            label: trans.__('Repair'),
            execute: () => void model.repair(project)
          });
        }
        items.push({
          label: trans.__('Dissolve…'),
          execute: () => void dissolve(project),
          isApart: true
        });
      } else {
        items.push({
          label: trans.__('Leave…'),
          execute: () => void leave(project),
          isApart: true
        });
      }
      return items;
    };

    const section: ProjectsSection = new ProjectsSection(model, {
      trans,
      actions: {
        create: () => void edit(null),
        open,
        repair: project => void model.repair(project),
        more: (project, button) => openRowMenu(button, menuOf(project))
      }
    });
    addSection({
      panel,
      section,
      mesh,
      sharing,
      commands,
      isOffered: () => sharing.can('projects'),
      refresh: () => model.refresh()
    });

    commands.addCommand(CommandIDs.newProject, {
      label: trans.__('New Project…'),
      caption: () =>
        sharing.whyNot('projects') ||
        trans.__(
          'A folder that people at several institutions work in together'
        ),
      describedBy: { args: { type: 'object', properties: {} } },
      isEnabled: () =>
        mesh.status?.state !== 'not-configured' && sharing.can('projects'),
      execute: async () => {
        shell.activateById(panel.id);
        panel.expandSection(section);
        await edit(null);
      }
    });
    sharing.abilitiesChanged.connect(() => {
      commands.notifyCommandChanged(CommandIDs.newProject);
    }, projects);
    palette?.addItem({
      command: CommandIDs.newProject,
      category: trans.__('Mesh')
    });
  }
};
