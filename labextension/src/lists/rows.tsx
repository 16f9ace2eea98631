// Lists of rows with buttons: one row is in the tab order, the arrow keys lead to the others.
import type { TranslationBundle } from '@jupyterlab/translation';

import { ellipsesIcon } from '@jupyterlab/ui-components';
import * as React from 'react';

/** What can have the focus in a row. */
const FOCUSABLE = 'button, input, select, summary';

const ROW = '.jp-MeshRow';

function rowsOf(node: HTMLElement): HTMLElement[] {
  return Array.from(node.querySelectorAll<HTMLElement>(ROW));
}

function partsOf(row: HTMLElement): HTMLElement[] {
  return Array.from(row.querySelectorAll<HTMLElement>(FOCUSABLE));
}

/** Gives the keyboard to the first row, or to what is there instead of rows. */
export function focusRows(node: HTMLElement): void {
  const current =
    node.querySelector<HTMLElement>(
      `${ROW} :is(${FOCUSABLE})[tabindex="0"]:not(:disabled)`
    ) ?? node.querySelector<HTMLElement>(FOCUSABLE);
  (current ?? node).focus();
}

/**
 * All rows within an element: Tab goes through the buttons of one row, up and down lead to other rows.
 *
 * When the row with the focus goes, the one that takes its place gets it; without any row, what is left.
 */
export function Rows(props: {
  className?: string;
  children: React.ReactNode;
}): JSX.Element {
  const root = React.useRef<HTMLDivElement>(null);
  /** Where the focus was last, and whether it is here. */
  const place = React.useRef({ row: 0, part: 0, isHere: false });

  React.useLayoutEffect(() => {
    const node = root.current;
    if (!node) {
      return;
    }
    const rows = rowsOf(node);
    const { row, part, isHere } = place.current;
    const index = Math.min(row, Math.max(0, rows.length - 1));
    rows.forEach((each, at) => {
      for (const one of partsOf(each)) {
        one.tabIndex = at === index ? 0 : -1;
      }
    });
    if (isHere && document.activeElement === document.body) {
      const parts = rows.length ? partsOf(rows[index]) : [];
      const next = parts[Math.min(part, parts.length - 1)];
      if (next) {
        next.focus();
      } else {
        focusRows(node);
      }
    }
  });

  const onFocus = (event: React.FocusEvent): void => {
    const node = root.current;
    const row = (event.target as HTMLElement).closest<HTMLElement>(ROW);
    place.current.isHere = true;
    if (!node || !row) {
      return;
    }
    const rows = rowsOf(node);
    const before = rows[place.current.row];
    place.current.row = rows.indexOf(row);
    place.current.part = partsOf(row).indexOf(event.target as HTMLElement);
    if (before !== row) {
      rows.forEach(each => {
        for (const one of partsOf(each)) {
          one.tabIndex = each === row ? 0 : -1;
        }
      });
    }
  };

  const onBlur = (event: React.FocusEvent): void => {
    // A button that is taken away has no successor: its place is kept.
    if (event.relatedTarget) {
      place.current.isHere = root.current!.contains(event.relatedTarget);
    }
  };

  const onKeyDown = (event: React.KeyboardEvent): void => {
    const node = root.current;
    const target = event.target as HTMLElement;
    const row = target.closest<HTMLElement>(ROW);
    if (!node || !row || target instanceof HTMLSelectElement) {
      return;
    }
    const rows = rowsOf(node);
    const at = rows.indexOf(row);
    const next = {
      ArrowDown: at + 1,
      ArrowUp: at - 1,
      Home: 0,
      End: rows.length - 1
    }[event.key];
    const parts = next === undefined ? [] : partsOf(rows[next] ?? row);
    if (parts.length) {
      event.preventDefault();
      event.stopPropagation();
      const part = partsOf(row).indexOf(target);
      parts[Math.min(part, parts.length - 1)].focus();
    }
  };

  return (
    <div
      ref={root}
      className={`jp-MeshRows ${props.className ?? ''}`}
      tabIndex={-1}
      onFocus={onFocus}
      onBlur={onBlur}
      onKeyDown={onKeyDown}
    >
      {props.children}
    </div>
  );
}

/** A list with a heading, which names it; not seen where something else says the same. */
export function RowList<T>(props: {
  heading: string;
  isNamedAbove?: boolean;
  /** What is said of the heading when the mouse is on it. */
  title?: string;
  items: readonly T[];
  children: (item: T, index: number) => JSX.Element;
}): JSX.Element | null {
  const id = React.useId();
  return props.items.length ? (
    <section className="jp-MeshRows-group">
      <h4
        id={id}
        className={props.isNamedAbove ? 'jp-MeshRows-said' : undefined}
        title={props.title}
      >
        {props.heading}
      </h4>
      <ul aria-labelledby={id}>{props.items.map(props.children)}</ul>
    </section>
  ) : null;
}

/** The button with the other things one can do about a row. */
export function MoreButton(props: {
  name: string;
  trans: TranslationBundle;
  onOpen: (button: HTMLElement) => void;
}): JSX.Element {
  const { name, trans } = props;
  return (
    <button
      className="jp-MeshRow-more"
      aria-label={trans.__('More about "%1"', name)}
      aria-haspopup="menu"
      title={trans.__('More')}
      onClick={event => props.onOpen(event.currentTarget)}
    >
      <ellipsesIcon.react tag="span" />
    </button>
  );
}
