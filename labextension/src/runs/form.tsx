// The dialog before a run: what the notebook is given.
import type { TranslationBundle } from '@jupyterlab/translation';
import type { IParameter, IParameters } from './api';

import * as React from 'react';

import { changedValues, kindOf, textOf } from './fields';

interface IRunFormProps extends IParameters {
  start: (parameters: Record<string, unknown>) => Promise<void>;
  close: () => void;
  trans: TranslationBundle;
}

export function RunForm(props: IRunFormProps): JSX.Element {
  const { parameters, message, trans } = props;
  const [texts, setTexts] = React.useState<Record<string, string>>(() =>
    Object.fromEntries(parameters.map(each => [each.name, textOf(each)]))
  );
  const [problem, setProblem] = React.useState('');
  const [isBusy, setBusy] = React.useState(false);

  const run = async (): Promise<void> => {
    if (isBusy) {
      return;
    }
    setBusy(true);
    try {
      await props.start(changedValues(parameters, texts, trans));
      props.close();
    } catch (error) {
      setProblem((error as Error).message);
      setBusy(false);
    }
  };

  return (
    <form
      className="jp-MeshForm-body"
      noValidate
      onSubmit={event => {
        event.preventDefault();
        void run();
      }}
    >
      {message && <p>{message}</p>}
      {parameters.map(parameter => (
        <Field
          key={parameter.name}
          parameter={parameter}
          text={texts[parameter.name]}
          onChange={text => {
            setProblem('');
            setTexts({ ...texts, [parameter.name]: text });
          }}
          trans={trans}
        />
      ))}
      <p className="jp-MeshForm-hint">
        {trans.__(
          'The server runs it, also when you close this page. The result is a new notebook beside this one, and grows while it runs.'
        )}
      </p>
      {problem && (
        <p className="jp-MeshForm-problem" role="alert">
          {problem}
        </p>
      )}
      <div className="jp-MeshForm-buttons">
        <button
          type="button"
          className="jp-mod-styled jp-mod-reject"
          onClick={props.close}
        >
          {trans.__('Cancel')}
        </button>
        <button className="jp-mod-styled jp-mod-accept" aria-disabled={isBusy}>
          {isBusy ? trans.__('One moment…') : trans.__('Run')}
        </button>
      </div>
    </form>
  );
}

function Field(props: {
  parameter: IParameter;
  text: string;
  onChange: (text: string) => void;
  trans: TranslationBundle;
}): JSX.Element {
  const { parameter, text, onChange, trans } = props;
  const { name, help, source, isLiteral } = parameter;
  const kind = kindOf(parameter);
  if (kind === 'boolean') {
    return (
      <label className="jp-MeshRun-check" title={help}>
        <input
          type="checkbox"
          checked={text === 'true'}
          onChange={event => onChange(String(event.target.checked))}
        />
        <span>{name}</span>
      </label>
    );
  }
  return (
    <label title={help}>
      <span>{name}</span>
      <input
        className="jp-mod-styled"
        type="text"
        inputMode={kind === 'number' ? 'decimal' : 'text'}
        spellCheck={false}
        value={text}
        placeholder={
          isLiteral ? '' : trans.__('as in the notebook: %1', source)
        }
        onChange={event => onChange(event.target.value)}
      />
      {help && <small className="jp-MeshForm-hint">{help}</small>}
    </label>
  );
}
