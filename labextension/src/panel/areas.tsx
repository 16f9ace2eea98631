// Home | Projects | Shared with me, over one listing.
import type { AreaName, IArea } from '../tokens';
import type { TranslationBundle } from '@jupyterlab/translation';

import { ReactWidget, UseSignal } from '@jupyterlab/ui-components';
import * as React from 'react';

import type { MeshBrowserModel } from './browsermodel';
import { areaOf } from './notice';

interface IAreaTabsProps {
  areas: readonly IArea[];
  /** The area that is shown, or null. */
  current: AreaName | null;
  trans: TranslationBundle;
  onSelect: (area: IArea) => void;
}

export function areaTitle(name: AreaName, trans: TranslationBundle): string {
  switch (name) {
    case 'home':
      return trans.__('Home');
    case 'projects':
      return trans.__('Projects');
    case 'shares':
      return trans.__('Shared with me');
  }
}

/** A tab list: arrow keys, Home and End move and select, one tab stop. */
export function AreaTabs(props: IAreaTabsProps): JSX.Element {
  const { areas, current, trans } = props;
  const list = React.useRef<HTMLDivElement>(null);

  const onKeyDown = (event: React.KeyboardEvent): void => {
    const index = areas.findIndex(area => area.name === current);
    const last = areas.length - 1;
    const next = {
      ArrowLeft: index <= 0 ? last : index - 1,
      ArrowRight: index >= last ? 0 : index + 1,
      Home: 0,
      End: last
    }[event.key];
    if (next !== undefined) {
      event.preventDefault();
      event.stopPropagation();
      props.onSelect(areas[next]);
      (list.current?.children[next] as HTMLElement | undefined)?.focus();
    }
  };

  return (
    <div
      ref={list}
      className="jp-MeshAreas-list"
      role="tablist"
      aria-label={trans.__('Areas')}
      onKeyDown={onKeyDown}
    >
      {areas.map((area, index) => (
        <button
          key={area.name}
          role="tab"
          className="jp-MeshAreas-tab"
          aria-selected={area.name === current}
          tabIndex={area.name === current || (!current && index === 0) ? 0 : -1}
          onClick={() => props.onSelect(area)}
        >
          {areaTitle(area.name, trans)}
        </button>
      ))}
    </div>
  );
}

/** The tabs for a browser model: shows where it is, takes it elsewhere. */
export class AreasWidget extends ReactWidget {
  /** The model belongs to the caller. */
  constructor(
    private _model: MeshBrowserModel,
    private _areas: readonly IArea[],
    private _trans: TranslationBundle
  ) {
    super();
    this.addClass('jp-MeshAreas');
  }

  protected override render(): JSX.Element {
    const tabs = (): JSX.Element => (
      <AreaTabs
        areas={this._areas}
        current={
          areaOf(this._model.opening ?? this._model.path, this._areas)?.name ??
          null
        }
        trans={this._trans}
        onSelect={area => {
          void this._model.cd(`/${area.path}`);
        }}
      />
    );
    return <UseSignal signal={this._model.changed}>{tabs}</UseSignal>;
  }
}
