// Something of ours in every document, whichever factory makes its widget.
import type { DocumentRegistry } from '@jupyterlab/docregistry';

/** Adds an extension for all factories there are and for those to come, once for each. */
export function extendEveryDocument(
  registry: DocumentRegistry,
  extension: DocumentRegistry.WidgetExtension
): void {
  const known = new Set<string>();
  const add = (name: string): void => {
    if (!known.has(name)) {
      known.add(name);
      registry.addWidgetExtension(name, extension);
    }
  };
  for (const factory of registry.widgetFactories()) {
    add(factory.name);
  }
  registry.changed.connect((_, { type, change, name }) => {
    if (type === 'widgetFactory' && change === 'added' && name) {
      add(name);
    }
  });
}
