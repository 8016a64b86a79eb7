import eslint from '@eslint/js';
import rxjsX from 'eslint-plugin-rxjs-x';
import { defineConfig, globalIgnores } from 'eslint/config';
import tseslint from 'typescript-eslint';
import { floors } from './scripts/lint/floors.mjs';

const NODE_FILES = [
  'src/**/*-node.ts',
  'src/cli/**/*.ts',
  'src/node.ts',
  'src/crypto/node-provider*.ts',
];

export default defineConfig(
  globalIgnores(['dist/', 'build/', 'coverage/', 'docs/', 'temp/', 'node_modules/']),
  { linterOptions: { reportUnusedDisableDirectives: 'error' } },

  // Scripts and configurations: plain JavaScript, for Node.
  {
    files: ['**/*.mjs'],
    extends: [eslint.configs.recommended],
    languageOptions: {
      ecmaVersion: 2024,
      globals: { console: 'readonly', process: 'readonly', URL: 'readonly' },
    },
  },

  // All TypeScript.
  {
    files: ['**/*.ts'],
    extends: [
      eslint.configs.recommended,
      tseslint.configs.strictTypeChecked,
      tseslint.configs.stylisticTypeChecked,
      rxjsX.configs.recommended,
    ],
    languageOptions: {
      parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname },
    },
    rules: {
      eqeqeq: 'error',
      // Looking for control characters is much of what reading a peer's text means.
      'no-control-regex': 'off',
      'max-depth': ['error', 3],
      'no-restricted-properties': [
        'error',
        { object: 'Math', property: 'random', message: 'Use the random source of #crypto.' },
      ],
      'no-restricted-imports': [
        'error',
        {
          patterns: [
            {
              group: ['rxjs/internal', 'rxjs/internal/*'],
              message: 'Not public: breaks in any release.',
            },
          ],
        },
      ],
      'no-restricted-exports': [
        'error',
        {
          restrictDefaultExports: { direct: true, named: true, defaultFrom: true, namedFrom: true },
        },
      ],

      '@typescript-eslint/consistent-type-imports': ['error', { fixStyle: 'inline-type-imports' }],
      '@typescript-eslint/consistent-type-exports': [
        'error',
        { fixMixedExportsWithInlineTypeSpecifier: true },
      ],
      '@typescript-eslint/prefer-readonly': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        { considerDefaultExhaustiveForUnions: true },
      ],
      '@typescript-eslint/no-unused-vars': [
        'error',
        { argsIgnorePattern: '^_', varsIgnorePattern: '^_' },
      ],
      '@typescript-eslint/restrict-template-expressions': [
        'error',
        { allowNumber: true, allowBoolean: true },
      ],
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      '@typescript-eslint/no-unnecessary-condition': [
        'error',
        { allowConstantLoopConditions: 'only-allowed-literals' },
      ],
      // Rows of a table are often functions of one shape, whether or not a row needs every argument or awaits anything.
      '@typescript-eslint/require-await': 'off',
      '@typescript-eslint/no-empty-function': ['error', { allow: ['arrowFunctions'] }],
      // An error without details, a request without fields.
      '@typescript-eslint/no-generated-empty-object-type': 'off',
      // A message is a `type` inferred from its table; the two forms read alike beside it.
      '@typescript-eslint/consistent-type-definitions': 'off',

      'rxjs-x/no-exposed-subjects': 'error',
      'rxjs-x/no-ignored-notifier': 'error',
      'rxjs-x/no-nested-subscribe': 'error',
      'rxjs-x/no-subclass': 'error',
      'rxjs-x/no-subject-unsubscribe': 'error',
      'rxjs-x/no-unsafe-takeuntil': 'error',
      'rxjs-x/throw-error': 'error',
    },
  },

  // The library.
  {
    files: ['src/**/*.ts'],
    plugins: { house: { rules: { floors } } },
    rules: {
      'house/floors': 'error',
      'no-console': 'error',
      'max-lines': ['error', { max: 300, skipBlankLines: true, skipComments: true }],
      'no-restricted-syntax': [
        'error',
        {
          selector: 'SpreadElement > ObjectExpression',
          message:
            'Write the properties out: V8 makes a hidden class of its own for each object that spreads a literal.',
        },
      ],
      'max-lines-per-function': ['warn', { max: 80, skipBlankLines: true, skipComments: true }],
      '@typescript-eslint/explicit-module-boundary-types': 'error',
      'rxjs-x/no-ignored-subscription': 'error',
      // Names of observable-valued properties end in `$`; a function that returns an Observable has a plain name.
      'rxjs-x/finnish': [
        'error',
        {
          functions: false,
          methods: false,
          parameters: false,
          variables: false,
          objects: false,
          // the rule takes a property that is a function returning an Observable for an Observable
          properties: false,
          strict: false,
          types: { '^(Subject|BehaviorSubject|ReplaySubject|AsyncSubject)$': false },
        },
      ],
    },
  },
  {
    files: ['src/**/*.ts'],
    ignores: NODE_FILES,
    rules: {
      '@typescript-eslint/no-restricted-types': [
        'error',
        {
          types: { Buffer: 'Say Uint8Array.', NodeJS: 'Only Node has it; this file is portable.' },
        },
      ],
      'no-restricted-globals': [
        'error',
        ...[
          'Buffer',
          'process',
          'global',
          'require',
          'module',
          '__dirname',
          '__filename',
          'setImmediate',
          'clearImmediate',
        ].map((name) => ({ name, message: 'Only Node has it; this file is portable.' })),
      ],
    },
  },
  { files: ['src/cli/**/*.ts'], rules: { 'no-console': 'off' } },
  // The one place where operators are built.
  { files: ['src/operators/lift.ts'], rules: { 'rxjs-x/no-subclass': 'off' } },

  // Specs check what is there, and may say so bluntly.
  {
    files: ['spec/**/*.ts'],
    rules: {
      '@typescript-eslint/no-non-null-assertion': 'off',
      '@typescript-eslint/unbound-method': 'off',
      'rxjs-x/no-exposed-subjects': 'off',
      'rxjs-x/no-nested-subscribe': 'off',
      'rxjs-x/no-floating-observables': 'off',
    },
  },

  // Programs of a user: they see the package by its name, and nothing else of this repository.
  {
    files: ['examples/**/*.ts', 'bench/**/*.ts'],
    rules: {
      'no-restricted-imports': [
        'error',
        {
          patterns: [
            { regex: '(^|/)(src|dist)/', message: "Import from 'rxssh'." },
            {
              group: ['rxjs/internal', 'rxjs/internal/*'],
              message: 'Not public: breaks in any release.',
            },
          ],
        },
      ],
    },
  },
);
