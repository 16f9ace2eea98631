// The sentence above the listing, with what one can do about it.
import type { Notice } from './notice';
import type { TranslationBundle } from '@jupyterlab/translation';

import * as React from 'react';

import { formatSince } from '../format';
import { Sentence, Skeleton } from './sentence';

/** What the buttons do. */
export interface INoticeActions {
  /** Asks the site again and reads the folder. */
  retry: () => void;
  /** The sentence has been read. */
  dismiss: () => void;
  signIn: () => void;
  details: () => void;
  upload: () => void;
  newNotebook: () => void;
  clearFilter: () => void;
}

interface INoticeProps {
  notice: Notice;
  actions: INoticeActions;
  trans: TranslationBundle;
}

export function NoticeView(props: INoticeProps): JSX.Element | null {
  const { notice, actions, trans } = props;
  switch (notice.kind) {
    case 'none':
      return null;
    case 'loading':
      return <Skeleton trans={trans} />;
    case 'not-configured':
      return (
        <Sentence
          kind="warning"
          role="status"
          text={trans.__('This server is not connected to a site yet.')}
          buttons={[
            {
              label: trans.__('How to connect'),
              onClick: actions.details,
              isPrimary: true
            }
          ]}
        />
      );
    case 'offline':
      return (
        <Sentence
          kind="warning"
          role="alert"
          text={trans.__(
            '%1 does not answer since %2. Open notebooks keep your changes; saving will be tried again.',
            notice.site,
            formatSince(notice.since)
          )}
          buttons={[
            {
              label: notice.isAsking
                ? trans.__('Trying…')
                : trans.__('Try now'),
              onClick: actions.retry,
              isPrimary: true,
              isDisabled: notice.isAsking
            }
          ]}
        />
      );
    case 'signed-out':
      return (
        <Sentence
          kind="warning"
          role="alert"
          text={trans.__(
            'Your login at %1 has ended. Your changes are kept.',
            notice.site
          )}
          buttons={[
            {
              label: trans.__('Sign in again'),
              onClick: actions.signIn,
              isPrimary: true
            }
          ]}
        />
      );
    case 'error':
      return (
        <Sentence
          kind="error"
          role="alert"
          text={notice.message}
          buttons={[{ label: trans.__('Retry'), onClick: actions.retry }]}
        />
      );
    case 'gone':
      return (
        <Sentence
          kind="warning"
          role="alert"
          text={notice.message}
          buttons={[{ label: trans.__('OK'), onClick: actions.dismiss }]}
        />
      );
    case 'filtered':
      return (
        <Sentence
          kind="empty"
          role="status"
          text={trans.__('No name here matches the filter.')}
          buttons={[
            { label: trans.__('Clear filter'), onClick: actions.clearFilter }
          ]}
        />
      );
    case 'empty':
      if (notice.area === 'shares' && notice.isTop) {
        return (
          <Sentence
            kind="empty"
            role="status"
            text={trans.__('Nobody has shared anything with you yet.')}
          />
        );
      }
      if (notice.area === 'projects' && notice.isTop) {
        return (
          <Sentence
            kind="empty"
            role="status"
            text={trans.__(
              'A project is a folder that people at several institutions work in together. You have none yet.'
            )}
          />
        );
      }
      return (
        <Sentence
          kind="empty"
          role="status"
          text={trans.__('Nothing here yet.')}
          buttons={
            notice.isWritable
              ? [
                  { label: trans.__('Upload files'), onClick: actions.upload },
                  {
                    label: trans.__('New notebook'),
                    onClick: actions.newNotebook
                  }
                ]
              : []
          }
        />
      );
  }
}
