import { act, screen } from '@testing-library/react';
import * as React from 'react';

import { FormDialog } from './form';
import { useStepFocus } from './steps';

/** The first step is over before the dialog has drawn it. */
function TwoSteps(): JSX.Element {
  const [step, setStep] = React.useState(1);
  React.useEffect(() => setStep(2), []);
  return (
    <div ref={useStepFocus(step)}>
      {step === 1 ? (
        <button>Continue</button>
      ) : (
        <p>
          <button>Not now</button>
          <button className="jp-mod-accept">Accept</button>
        </p>
      )}
    </div>
  );
}

describe('FormDialog', () => {
  it('takes the keyboard back to the step that is shown', async () => {
    const elsewhere = document.body.appendChild(
      document.createElement('button')
    );
    const dialog = new FormDialog('Steps', () => <TwoSteps />);
    const closed = dialog.launch();
    const accept = await screen.findByText('Accept');
    await act(() => dialog.ready);
    expect(document.activeElement).toBe(accept);
    // The launcher of JupyterLab comes late, and takes it.
    elsewhere.focus();
    expect(document.activeElement).toBe(accept);
    const notNow = screen.getByText('Not now');
    notNow.focus();
    elsewhere.focus();
    expect(document.activeElement).toBe(notNow);
    act(() => dialog.reject());
    await closed;
  });
});
