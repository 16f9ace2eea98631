// The body of the share dialog: whom to share with, and below who has access.
import type { TranslationBundle } from '@jupyterlab/translation';
import type { ISignal } from '@lumino/signaling';
import type { IFound } from './api';

import { VDomRenderer } from '@jupyterlab/ui-components';
import { Signal } from '@lumino/signaling';
import * as React from 'react';

import { AccessList } from './access';
import { AskForAccess } from './asking';
import { FailureLine } from './failure';
import { Lacks, RoleField, rolesFor, UntilField } from './fields';
import { Links } from './links';
import type { ShareModel } from './model';
import { Chips, PeopleSearch } from './people';
import { QuestionView } from './question';
import { nameOf } from './words';
import { Sentence, Skeleton } from '../panel/sentence';

export interface IShareProps {
  model: ShareModel;
  search: (text: string, signal: AbortSignal) => Promise<IFound>;
  /** Title of the own site. */
  ownSite: string;
  /** The sentence for a site that does not answer, or "". */
  offline: string;
  /** Invites somebody; null where that is not possible. */
  onInvite: (() => void) | null;
  onPickerChange: (isOpen: boolean) => void;
  /** Called whenever something was drawn: what had the focus may be gone. */
  onDrawn: () => void;
  trans: TranslationBundle;
}

export function ShareView(props: IShareProps): JSX.Element {
  const { model, ownSite, offline, trans } = props;
  const { access, abilities, failure, former } = model;
  const id = React.useId();
  React.useEffect(props.onDrawn);
  return (
    <>
      {former && (
        <button
          type="button"
          className="jp-MeshShare-plain"
          onClick={() => model.goBack()}
        >
          {trans.__('← Back to "%1"', former.name)}
        </button>
      )}
      {offline && <Sentence kind="warning" role="status" text={offline} />}
      {failure && (
        <FailureLine
          failure={failure}
          text={trans.__(
            'Who has access to "%1" is not known.',
            model.place.name
          )}
          onRetry={() => void model.refresh()}
          trans={trans}
        />
      )}
      {!access && model.isSlow && <Skeleton trans={trans} />}
      {access && abilities && (
        <>
          <AddForm {...props} />
          <QuestionView model={model} trans={trans} />
          <section aria-labelledby={id}>
            <h3 id={id} tabIndex={-1} data-first-focus>
              {trans.__('Who has access')}
            </h3>
            <AccessList
              model={model}
              access={access}
              ownSite={ownSite}
              trans={trans}
            />
            <Links model={model} access={access} trans={trans} />
            {access.problems.map(problem => (
              <Sentence
                key={problem}
                kind="warning"
                role="status"
                text={problem}
                buttons={[
                  {
                    label: trans.__('Retry'),
                    onClick: () => void model.refresh()
                  }
                ]}
              />
            ))}
          </section>
        </>
      )}
    </>
  );
}

/** What a form for shares might offer. */
const OFFERS = [
  'userShares',
  'groupShares',
  'federated',
  'shareExpiry',
  'shareNotes'
] as const;

/** Whom to share with, what they can do and until when. */
function AddForm(props: IShareProps): JSX.Element {
  const { model, ownSite, trans } = props;
  const { draft } = model;
  const access = model.access!;
  const abilities = model.abilities!;
  const input = React.useRef<HTMLInputElement>(null);
  const [hint, setHint] = React.useState('');
  const { me } = access;
  const canAny =
    abilities.userShares.can ||
    abilities.groupShares.can ||
    abilities.federated.can;
  if (!me.canShare || !canAny) {
    const why =
      me.whyNot ||
      (me.canShare ? abilities.userShares.why : '') ||
      trans.__('"%1" cannot be shared by you.', access.name);
    return (
      <AskForAccess key={access.path} access={access} why={why} trans={trans} />
    );
  }
  const label = trans.__('Add people, groups or contacts');
  const submit = (): void => {
    if (!draft.people.length) {
      setHint(trans.__('Search for somebody and choose them from the list.'));
      input.current?.focus();
      return;
    }
    setHint('');
    void model.share().then(() => {
      // A question has the focus; else the next one can be looked for.
      if (!model.question) {
        input.current?.focus();
      }
    });
  };
  return (
    <form
      className="jp-MeshShare-form"
      aria-label={trans.__('Share "%1"', access.name)}
      onSubmit={event => {
        event.preventDefault();
        submit();
      }}
    >
      <div className="jp-MeshShare-add">
        <span aria-hidden="true">{label}</span>
        <Chips
          people={draft.people}
          ownSite={ownSite}
          failures={model.draftFailures}
          label={trans.__('To share with')}
          onRemove={person => {
            model.unpick(person);
            input.current?.focus();
          }}
          trans={trans}
        />
        <PeopleSearch
          label={label}
          placeholder={trans.__('Name')}
          search={props.search}
          onPick={person => {
            setHint('');
            model.pick(person);
          }}
          onInvite={props.onInvite ?? undefined}
          onErase={() => model.unpick()}
          onOpenChange={props.onPickerChange}
          chosen={draft.people.map(({ key }) => key)}
          ownSite={ownSite}
          inputRef={input}
          trans={trans}
        />
      </div>
      {draft.people
        .filter(({ key }) => model.draftFailures.has(key))
        .map(person => (
          <FailureLine
            key={person.key}
            failure={model.draftFailures.get(person.key)!}
            text={trans.__('Not shared with %1.', nameOf(person, trans))}
            trans={trans}
          />
        ))}
      <div className="jp-MeshShare-terms">
        <RoleField
          label={trans.__('Role')}
          isLabelled
          roles={rolesFor(access.kind, abilities.uploader.can)}
          value={draft.role}
          onChange={role => model.edit({ role })}
          trans={trans}
        />
        {abilities.shareExpiry.can && (
          <UntilField
            value={draft.until}
            onChange={until => model.edit({ until })}
            trans={trans}
          />
        )}
        {abilities.shareNotes.can && (
          <label className="jp-MeshShare-noteField">
            <span>{trans.__('Note')}</span>
            <input
              className="jp-mod-styled"
              maxLength={500}
              value={draft.note}
              onChange={event => model.edit({ note: event.target.value })}
            />
          </label>
        )}
      </div>
      <div className="jp-MeshShare-submit">
        <Lacks
          abilities={abilities}
          names={access.kind === 'directory' ? [...OFFERS, 'uploader'] : OFFERS}
          trans={trans}
        />
        <span className="jp-MeshShare-done" role="status">
          {hint ||
            (model.isSending
              ? trans.__('Sharing…')
              : model.done.length > 0
                ? trans.__(
                    'Shared with %1.',
                    model.done.map(who => nameOf(who, trans)).join(', ')
                  )
                : '')}
        </span>
        <button
          type="submit"
          className="jp-mod-styled jp-mod-accept"
          aria-disabled={model.isSending}
        >
          {trans.__('Share')}
        </button>
      </div>
    </form>
  );
}

export interface IShareBodyOptions extends Omit<
  IShareProps,
  'model' | 'offline' | 'onPickerChange' | 'onDrawn'
> {
  /** The sentence for a site that does not answer, or "". */
  offline: () => string;
}

/** The body as a widget. The model belongs to the caller. */
export class ShareBody extends VDomRenderer<ShareModel> {
  constructor(
    model: ShareModel,
    private _options: IShareBodyOptions
  ) {
    super(model);
    this.addClass('jp-MeshShare');
  }

  /** True while the list of found people is open: Enter and Escape are its own. */
  get isPickerOpen(): boolean {
    return this._isPickerOpen;
  }

  /** Emitted after it was drawn. */
  get drawn(): ISignal<this, void> {
    return this._drawn;
  }

  protected override render(): JSX.Element {
    return (
      <ShareView
        {...this._options}
        model={this.model}
        offline={this._options.offline()}
        onPickerChange={isOpen => {
          this._isPickerOpen = isOpen;
        }}
        onDrawn={() => this._drawn.emit()}
      />
    );
  }

  private _isPickerOpen = false;
  private _drawn = new Signal<this, void>(this);
}
