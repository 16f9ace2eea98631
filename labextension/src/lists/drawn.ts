// A section that a site cannot offer is not drawn.
import type { Widget } from '@lumino/widgets';

import type { IMeshModel, IMeshPanel, ISharingState } from '../tokens';

/**
 * Has a section in the panel while there is a site, and the site can do what it is about.
 *
 * Until the site has said what it can, it counts as able: most can, and sections keep their places.
 */
export function drawWhile(
  panel: IMeshPanel,
  section: Widget,
  mesh: IMeshModel,
  sharing: ISharingState,
  isOffered: () => boolean
): void {
  const draw = (): void => {
    const isWanted = mesh.status?.state !== 'not-configured' && isOffered();
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
  section.disposed.connect(() => {
    sharing.abilitiesChanged.disconnect(draw, section);
    mesh.stateChanged.disconnect(draw, section);
  }, section);
}
