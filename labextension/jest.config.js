const lab = require('@jupyterlab/testutils/lib/jest-config')(__dirname);

// ES modules that jest must transpile.
const transpile = [
  '@codemirror',
  '@jupyter/react-components',
  '@jupyter/web-components',
  '@jupyter/ydoc',
  '@jupyterlab/',
  '@microsoft',
  'exenv-es6',
  'lib0',
  'nanoid',
  'vscode-ws-jsonrpc',
  'y-protocols',
  'y-websocket',
  'yjs'
];

module.exports = {
  ...lab,
  automock: false,
  coverageThreshold: undefined,
  testRegex: 'src/.*\\.spec\\.tsx?$',
  transformIgnorePatterns: [`/node_modules/(?!${transpile.join('|')}).+`]
};
