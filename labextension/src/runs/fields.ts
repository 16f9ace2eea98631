// The parameters of a notebook as fields of a form. No requests, no widgets.
import type { TranslationBundle } from '@jupyterlab/translation';
import type { IParameter } from './api';

export type FieldKind = 'text' | 'number' | 'boolean' | 'json' | 'any';

/** How a parameter is asked for: `any` is JSON where it is that, else a text. */
export function kindOf(parameter: IParameter): FieldKind {
  const { value, isLiteral } = parameter;
  switch (typeof value) {
    case 'string':
      return 'text';
    case 'number':
      return 'number';
    case 'boolean':
      return 'boolean';
    default:
      return isLiteral && value !== null ? 'json' : 'any';
  }
}

/** What stands in the field at first; nothing where the value is not known before the notebook runs. */
export function textOf(parameter: IParameter): string {
  const { value, isLiteral } = parameter;
  if (!isLiteral) {
    return '';
  }
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/**
 * The values that are otherwise than in the notebook, by name.
 *
 * Throws an error with a sentence for a text that cannot be a value.
 */
export function changedValues(
  parameters: readonly IParameter[],
  texts: Readonly<Record<string, string>>,
  trans: TranslationBundle
): Record<string, unknown> {
  const changed: Record<string, unknown> = {};
  for (const parameter of parameters) {
    const text = texts[parameter.name];
    if (text === undefined || text === textOf(parameter)) {
      continue;
    }
    changed[parameter.name] = read(parameter, text, trans);
  }
  return changed;
}

function read(
  parameter: IParameter,
  text: string,
  trans: TranslationBundle
): unknown {
  const kind = kindOf(parameter);
  if (kind === 'text') {
    return text;
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    value = undefined;
  }
  if (kind === 'number' && typeof value !== 'number') {
    throw new Error(trans.__('"%1" needs a number.', parameter.name));
  }
  if (value === undefined && kind === 'any') {
    return text;
  }
  if (value === undefined) {
    throw new Error(
      trans.__(
        '"%1" needs a value as in JSON: a number, "text", true, null, [1, 2] or {"a": 1}.',
        parameter.name
      )
    );
  }
  return value;
}
