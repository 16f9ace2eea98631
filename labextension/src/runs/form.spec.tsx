import type { IParameter } from './api';

import { nullTranslator } from '@jupyterlab/translation';
import { fireEvent, render, screen, waitFor } from '@testing-library/react';
import * as React from 'react';

import { RunForm } from './form';

const trans = nullTranslator.load('jupyter_mesh');

const PARAMETERS: IParameter[] = [
  {
    name: 'station',
    source: '"north"',
    value: 'north',
    isLiteral: true,
    help: 'where'
  },
  { name: 'years', source: '3', value: 3, isLiteral: true, help: '' },
  { name: 'draw', source: 'True', value: true, isLiteral: true, help: '' },
  { name: 'when', source: 'now()', value: null, isLiteral: false, help: '' }
];

function show(start: (parameters: Record<string, unknown>) => Promise<void>) {
  const close = jest.fn();
  render(
    <RunForm
      parameters={PARAMETERS}
      message=""
      start={start}
      close={close}
      trans={trans}
    />
  );
  return close;
}

describe('RunForm', () => {
  it('sends what was changed, and closes', async () => {
    const start = jest.fn().mockResolvedValue(undefined);
    const close = show(start);
    fireEvent.change(screen.getByLabelText(/^station/), {
      target: { value: 'south' }
    });
    fireEvent.click(screen.getByLabelText('draw'));
    fireEvent.click(screen.getByRole('button', { name: 'Run' }));
    await waitFor(() => expect(close).toHaveBeenCalled());
    expect(start.mock.calls).toEqual([[{ station: 'south', draw: false }]]);
  });

  it('shows what is not known before the notebook runs', () => {
    show(jest.fn());
    expect(
      screen.getByPlaceholderText('as in the notebook: now()')
    ).toBeTruthy();
  });

  it('says what is wrong, and stays open', async () => {
    const start = jest.fn().mockRejectedValue(new Error('The site is away.'));
    const close = show(start);
    fireEvent.change(screen.getByLabelText('years'), {
      target: { value: 'many' }
    });
    fireEvent.click(screen.getByRole('button', { name: 'Run' }));
    expect((await screen.findByRole('alert')).textContent).toMatch(
      /"years" needs a number/
    );
    expect(start).not.toHaveBeenCalled();
    fireEvent.change(screen.getByLabelText('years'), {
      target: { value: '4' }
    });
    fireEvent.click(screen.getByRole('button', { name: 'Run' }));
    expect((await screen.findByRole('alert')).textContent).toBe(
      'The site is away.'
    );
    expect(close).not.toHaveBeenCalled();
  });
});
