// The menu of a row.
import type { ReadonlyJSONObject } from '@lumino/coreutils';

import { MenuSvg } from '@jupyterlab/ui-components';
import { CommandRegistry } from '@lumino/commands';

/** One entry; a separator goes before it if `isApart`. */
export interface IMenuItem {
  label: string;
  execute: () => unknown;
  isApart?: boolean;
}

const NO_ARGUMENTS = {
  args: { type: 'object', properties: {} } as ReadonlyJSONObject
};

/** Opens a menu below a button, and gives the focus back to it. Its commands are about one row, so not Lab's. */
export function openRowMenu(
  button: HTMLElement,
  items: readonly IMenuItem[]
): void {
  const commands = new CommandRegistry();
  const menu = new MenuSvg({ commands });
  items.forEach(({ label, execute, isApart }, index) => {
    const command = `item-${index}`;
    commands.addCommand(command, {
      label,
      describedBy: NO_ARGUMENTS,
      execute
    });
    if (isApart) {
      menu.addItem({ type: 'separator' });
    }
    menu.addItem({ command });
  });
  menu.aboutToClose.connect(() => {
    button.focus();
    // The command that was chosen still runs.
    requestAnimationFrame(() => menu.dispose());
  }, menu);
  const { left, bottom } = button.getBoundingClientRect();
  menu.open(left, bottom);
}
