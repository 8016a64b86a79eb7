/** @type {import('jest').Config} */
export default {
  testEnvironment: 'node',
  // `#crypto` resolves to the source, not to dist.
  testEnvironmentOptions: {
    customExportConditions: ['rxssh-source', 'node', 'node-addons', 'require', 'default'],
    // Soft deletion turns what a spec put on the global object, the scope of deliveries among it, into setters that call
    // themselves: a callback that comes after its spec would then never return.
    globalsCleanup: 'off',
  },
  roots: ['<rootDir>/spec'],
  testMatch: ['<rootDir>/spec/**/*-spec.ts'],
  // Types are checked by tsc, so a spec only pays for stripping them. @noble is ESM only, and Jest requires CommonJS.
  transform: {
    '^.+\\.[cm]?[jt]s$': [
      '@swc/jest',
      {
        swcrc: false,
        jsc: {
          target: 'es2022',
          parser: { syntax: 'typescript' },
          transform: { verbatimModuleSyntax: true },
          keepClassNames: true,
        },
        module: { type: 'commonjs' },
        sourceMaps: 'inline',
      },
    ],
  },
  transformIgnorePatterns: ['/node_modules/(?!@noble/)'],
  modulePathIgnorePatterns: ['<rootDir>/dist/', '<rootDir>/build/'],
  globalSetup: '<rootDir>/spec/support/own-home.mjs',
  globalTeardown: '<rootDir>/spec/support/own-home-end.mjs',
  setupFilesAfterEnv: ['<rootDir>/spec/support/setup.ts'],
  injectGlobals: false,
  testTimeout: 20_000,
  maxWorkers: 2,
};
