// A section in the panel: drawn where the site can offer it, and fresh when somebody asks for it.
import type { CommandRegistry } from '@lumino/commands';
import type { Widget } from '@lumino/widgets';

import type { IMeshModel, IMeshPanel, ISharingState } from '../tokens';
import { CommandIDs } from '../tokens';

interface IOptions {
  panel: IMeshPanel;
  section: Widget;
  mesh: IMeshModel;
  sharing: ISharingState;
  commands: CommandRegistry;
  /** True unless the site is known not to have what the section is about. */
  isOffered: () => boolean;
  /** Asks again. */
  refresh: () => Promise<void>;
}

/**
 * Has a section in the panel while there is a site, and the site can do what it is about.
 *
 * Until the site has said what it can, it counts as able: most can, and sections keep their places.
 */
export function addSection(options: IOptions): void {
  const { panel, section, mesh, sharing, commands } = options;
  const draw = (): void => {
    const isWanted =
      mesh.status?.state !== 'not-configured' && options.isOffered();
    if (isWanted !== (section.parent !== null)) {
      if (isWanted) {
        panel.addSection(section, true);
      } else {
        section.parent = null;
      }
    }
  };
  draw();
  sharing.abilitiesChanged.connect(draw, section);
  mesh.stateChanged.connect(draw, section);
  // The button above the files is for all that the panel shows.
  const refresh = (_: CommandRegistry, args: { id: string }): void => {
    if (args.id === CommandIDs.refresh && section.isVisible) {
      void options.refresh();
    }
  };
  commands.commandExecuted.connect(refresh, section);
  section.disposed.connect(() => {
    sharing.abilitiesChanged.disconnect(draw, section);
    mesh.stateChanged.disconnect(draw, section);
    commands.commandExecuted.disconnect(refresh, section);
  }, section);
}
