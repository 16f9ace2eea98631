import type { Abilities } from '../sharing/api';

import { nullTranslator } from '@jupyterlab/translation';
import { render, screen } from '@testing-library/react';
import * as React from 'react';

import { SharingDetails } from './abilities';

const trans = nullTranslator.load('jupyter_mesh');

const NAMES = [
  'userShares',
  'groupShares',
  'uploader',
  'shareExpiry',
  'shareNotes',
  'links',
  'linkPasswords',
  'linkUploads',
  'federated',
  'invitations',
  'withdrawInvitations',
  'contacts',
  'sites',
  'projects'
];

describe('SharingDetails', () => {
  it('tells every ability, and why where there is none', () => {
    const abilities = Object.fromEntries(
      NAMES.map(name => [name, { can: true, why: '' }])
    ) as unknown as Abilities;
    abilities.withdrawInvitations = {
      can: false,
      why: 'An invitation at Alpine ends by itself.'
    };
    render(<SharingDetails abilities={abilities} trans={trans} />);
    const told = screen.getAllByRole('listitem').map(item => item.textContent);
    expect(told).toHaveLength(NAMES.length);
    expect(told).toContain('yesShares with groups');
    expect(told).toContain(
      'noWithdraws invitationsAn invitation at Alpine ends by itself.'
    );
  });

  it('says nothing before the site has', () => {
    const { container } = render(
      <SharingDetails abilities={null} trans={trans} />
    );
    expect(container.textContent).toBe('');
  });
});
