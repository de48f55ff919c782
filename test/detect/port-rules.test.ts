/** What is taken for a fixed port, kind by kind: a sample that is one, and its twin that is none. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { blankComments } from '../../detect/source/blank-comments.ts'
import { countCoverage } from '../../detect/source/coverage.ts'
import { findKind } from '../../detect/source/file-kinds.ts'
import { findFixedPorts, findInsidePorts, noSettings } from '../../detect/source/find-ports.ts'
import { chooseNames } from '../../detect/source/port-names.ts'
import { findPorts, portTemplateLines, testTargetLines } from '../../detect/source/repository-ports.ts'

const nameOf = chooseNames([], { remap: { 4000: 'api', 3000: 'app' }, names: [], template: undefined })
const settings = { ...noSettings, nameOf }

function findIn(path: string, text: string): { port: number; fix: string; setting: string | undefined }[] {
  const code = blankComments(text, findKind(path)?.comments ?? 'none').split('\n')
  return findFixedPorts({ path, code }, settings)
}

/** The line that is right has the variable in it, whose value is set. */
const table: readonly [path: string, fixed: string, port: number, right: string, fix: RegExp][] = [
  [
    'package.json',
    '{"scripts": {"a": "vite build", "dev": "next dev -p 3000"}}',
    3000,
    '{"scripts": {"a": "mkdir -p 2024 && tsc -p 3000"}}',
    /^"dev": "next dev -p \$\{PORT:-3000\}"$/,
  ],
  [
    'package.json',
    '{"x": 1, "scripts": {"dev": "PORT=4000 node x"}}',
    4000,
    '{"config": {"port": "PORT=4000 x"}, "scripts": {"dev": "node x"}}',
    /PORT=\$\{PORT:-4000\} node x/,
  ],
  [
    'package.json',
    '{"scripts": {"e": "wait-on http://localhost:3000 && x"}}',
    3000,
    '{"scripts": {"e": "wait-on http://example.com:3000"}}',
    /localhost:\$\{PORT:-3000\}/,
  ],
  [
    'package.json',
    '{"scripts": {"e": "docker compose up -d && vite -p 5173"}}',
    5173,
    '{"scripts": {"e": "docker exec -p 5173"}}',
    /-p \$\{PORT_5173:-5173\}/,
  ],
  [
    'package.json',
    '{"scripts": {"e": "start-server-and-test dev 3000 cy"}}',
    3000,
    '{"scripts": {"e": "start-server-and-test dev cy"}}',
    /dev \$\{PORT:-3000\}/,
  ],
  [
    'composer.json',
    '{"scripts": {"dev": ["php artisan serve --port 8001"]}}',
    8001,
    '{"scripts": {"dev": ["php artisan serve"]}}',
    /--port \$\{PORT_8001:-8001\}/,
  ],
  ['bin/serve', 'php -S localhost:8000 -t public', 8000, 'php -S localhost:$PORT', /localhost:\$\{PORT_8000:-8000\}/],
  ['Procfile', 'web: node x --port 3000', 3000, 'web: node x --port $PORT', /\$\{PORT:-3000\}/],
  ['Makefile', 'run:\n\tflask run -p 5000', 5000, 'run:\n\tmkdir -p 2024', /\$\$\{PORT_5000:-5000\}/],
  ['justfile', 'port := "3000"', 3000, 'port := env("PORT", x)', /^port := env\("PORT", "3000"\)$/],
  ['src/a.ts', 'app.listen(3000)', 3000, 'app.listen(0)', /Number\(process\.env\.PORT\) \|\| 3000/],
  [
    'src/a.tsx',
    'const url = "http://localhost:4000/x"',
    4000,
    'return <code>http://localhost:2375</code>',
    /process\.env\.API_PORT \?\? 4000/,
  ],
  ['src/b.tsx', 'fetch(`http://localhost:4000/x`)', 4000, '<input placeholder="http://localhost:3000" />', /API_PORT/],
  ['src/b.vue', "const api = 'http://localhost:4000'", 4000, '<p>\n  Open http://localhost:3000 now\n</p>', /API_PORT/],
  ['test/a.test.ts', "await get('http://localhost:3000')", 3000, "expect(url).toBe('http://localhost:3000')", /PORT/],
  [
    'main.go',
    '\thttp.ListenAndServe(":3001", nil)',
    3001,
    '\thttp.ListenAndServe(":"+port, nil)',
    /ListenAndServe\(":" \+ cmp\.Or\(os\.Getenv\("PORT_3001"\), "3001"\), nil\)/,
  ],
  [
    'main.go',
    '\tport := "3000"\n',
    3000,
    '\tport := os.Getenv("X")\n\tif port == "" {\n\t\tport = "3000"\n\t}\n',
    /cmp\.Or/,
  ],
  [
    'main.go',
    '\tsrv := &http.Server{Addr: ":4000"}',
    4000,
    '\tx := Timeout{Addr: "a:b"}',
    /cmp\.Or\(os\.Getenv\("API_PORT"\), "4000"\)/,
  ],
  [
    'src/main.rs',
    '    .bind("0.0.0.0:8080")?',
    8080,
    '    .bind(addr)?',
    /format!\("0\.0\.0\.0:\{\}", std::env::var\("PORT_8080"\)/,
  ],
  [
    'src/main.rs',
    'let addr = SocketAddr::from(([127, 0, 0, 1], 3000));',
    3000,
    'let rgb = ([127, 0, 0], 3000);',
    /std::env::var\("PORT"\)/,
  ],
  ['Rocket.toml', '[default]\nport = 8000', 8000, '[default]\nworkers = 8000', /^$/],
  [
    'src/main/resources/application.properties',
    'server.port=8081',
    8081,
    'server.port=${X:x}\nmanagement.timeout=8081',
    /^$/,
  ],
  ['src/main/resources/application.yml', 'server:\n  port: 8081', 8081, 'spring:\n  timeout: 8081', /^$/],
  ['src/main/resources/application.properties', 'quarkus.http.port=8082', 8082, '%prod.quarkus.http.port=8082', /^$/],
  [
    'src/App.java',
    'app.setPort(8080);',
    8080,
    'app.setWidth(8080);',
    /System\.getenv\(\)\.getOrDefault\("PORT_8080", "8080"\)/,
  ],
  ['src/App.kt', 'embeddedServer(Netty, port = 8080) {', 8080, 'Box(size = 8080, port = other)', /PORT_8080/],
  [
    'Properties/launchSettings.json',
    '"applicationUrl": "http://localhost:5001",',
    5001,
    '"launchUrl": "swagger",',
    /ASPNETCORE_URLS=http:\/\/localhost:\$AGENT_PORT_5001/,
  ],
  ['appsettings.json', '"Urls": "http://localhost:5000"', 5000, '"Level": "5000"', /ASPNETCORE_URLS/],
  ['Program.cs', 'app.Run("http://localhost:5000");', 5000, 'app.Run();', /Environment\.GetEnvironmentVariable/],
  ['server.php', "new Server('0.0.0.0', 9501);", 9501, 'new Server($host, $port);', /getenv\('PORT_9501'\)/],
  ['config/puma.rb', 'port 3000', 3000, 'port ENV.fetch("PORT") { other }', /ENV\.fetch\("PORT", 3000\)/],
  ['config/puma.rb', 'bind "tcp://0.0.0.0:3000"', 3000, 'bind "unix:///tmp/x.sock"', /#\{ENV\.fetch/],
  [
    'config/dev.exs',
    'http: [ip: {127, 0, 0, 1}, port: 4000],',
    4000,
    'url: [host: "x", port: 443],',
    /System\.get_env\("API_PORT"\) \|\| "4000"/,
  ],
  ['a.py', 's.bind(("", 9009))', 9009, 's.bind(("", port))', /int\(os\.environ\.get\("PORT_9009", 9009\)\)/],
  ['a.py', 'app.run("0.0.0.0", 5002)', 5002, 'app.run(["x"], 5002)', /PORT_5002/],
  ['a.py', 'uvicorn.run("a:app", port=8001)', 8001, 'redis.Redis(port=6379)', /PORT_8001/],
  [
    'a.py',
    'parser.add_argument("-p", "--port", type=int, help="of the (web) server", default=8000)',
    8000,
    'parser.add_argument("--timeout", default=8000)',
    /int\(os\.environ\.get\("PORT_8000", 8000\)\)/,
  ],
  [
    'a.py',
    '@click.option("--port", default=8005)',
    8005,
    '@click.option("--port", default=8005, envvar="PORT")',
    /PORT_8005/,
  ],
  [
    'a.ts',
    "program.option('-p, --port <number>', 'where, if not there', 3000)",
    3000,
    "program.option('--export <number>', 'how many', 3000)",
    /Number\(process\.env\.PORT\) \|\| 3000/,
  ],
  [
    'a.ts',
    "cli.option('--port <n>', 'where', parseInt, '4000')",
    4000,
    "cli.option('--port <n>', 'where')",
    /process\.env/,
  ],
  [
    'a.ts',
    "yargs.option('port', { type: 'number', default: 4000 })",
    4000,
    "yargs.option('port', { type: 'number', default: 4000, env: 'PORT' })",
    /process\.env/,
  ],
  [
    'a.mjs',
    "parseArgs({ options: { port: { type: 'string', default: '3000' } } })",
    3000,
    "schema({ properties: { port: { type: 'string', default: '3000' } } })",
    /process\.env/,
  ],
  [
    'vitest.config.ts',
    'export default { test: { api: { port: 51204 } } }',
    51204,
    'export default { test: { retries: 51204 } }',
    /PORT_51204/,
  ],
  [
    'playwright.config.ts',
    "use: { baseURL: 'http://localhost:3000' },",
    3000,
    'use: { baseURL },',
    /PLAYWRIGHT_BASE_URL \?\? process\.env\.BASE_URL[\s\S]*webServer: \{ url: baseURL, env: \{ PORT/,
  ],
  [
    'playwright.config.ts',
    "webServer: { url: 'http://localhost:3000', reuseExistingServer: !process.env.CI }",
    3000,
    'webServer: { reuseExistingServer: !process.env.CI }',
    /baseURL/,
  ],
  ['cypress.config.ts', "e2e: { baseUrl: 'http://localhost:3000' }", 3000, 'e2e: { retries: 3000 }', /^$/],
  ['.storybook/main.ts', 'export default { core: { port: 6006 } }', 6006, 'export default { core: {} }', /PORT_6006/],
  ['wrangler.toml', '[dev]\nport = 8787', 8787, '[dev]\n# port = 8787', /wrangler dev --port \$\{PORT_8787:-8787\}/],
  ['supabase/config.toml', '[api]\nport = 54321', 54321, '[api]\nmax_rows = 54321', /project_id/],
  ['firebase.json', '"auth": { "port": 9099 }', 9099, '"timeout": 9099', /--config/],
  ['angular.json', '      "port": 4200', 4200, '      "budget": 4200', /ng serve --port/],
]

for (const [path, fixed, port, right, fix] of table) {
  test(`a port that ${path} fixes is found: ${fixed.split('\n').at(-1)?.trim()}`, () => {
    const found = findIn(path, fixed)
    assert.deepEqual([...new Set(found.map((hit) => hit.port))], [port])
    for (const hit of found) assert.match(hit.fix, fix)
    for (const hit of found) if (hit.fix === '') assert.match(hit.setting ?? '', /^[A-Z_]+=\S*\$AGENT_/)
    assert.deepEqual(
      findIn(path, right).filter(({ fix: advice, setting }) => advice !== '' || setting === undefined),
      [],
      right,
    )
  })
}

/** Green only once the variable has a value. */
const fallbacks: readonly [path: string, line: string, setting: string][] = [
  ['a.ts', 'app.listen(process.env.WS_PORT || 8080)', 'WS_PORT=$AGENT_PORT_WS'],
  ['a.ts', 'const p = Number(process.env.API_PORT) || 4000', 'API_PORT=$AGENT_PORT_API'],
  ['a.ts', "const u = process.env.API_URL ?? 'http://localhost:4000'", 'API_URL=http://localhost:$AGENT_PORT_API'],
  ['a.ts', 'const u = import.meta.env.VITE_API_PORT ?? 4001', 'VITE_API_PORT=$AGENT_PORT_API'],
  ['a.go', '\tport := cmp.Or(os.Getenv("ADMIN_PORT"), "8090")', 'ADMIN_PORT=$AGENT_PORT_ADMIN'],
  ['a.go', '\tport := getEnv("ADMIN_PORT", "8090")', 'ADMIN_PORT=$AGENT_PORT_ADMIN'],
  ['a.py', 'port = int(os.environ.get("WS_PORT", 8080))', 'WS_PORT=$AGENT_PORT_WS'],
  ['a.rb', 'port ENV.fetch("WS_PORT") { 8080 }', 'WS_PORT=$AGENT_PORT_WS'],
  ['a.rs', 'let p = std::env::var("WS_PORT").unwrap_or("8080".into());', 'WS_PORT=$AGENT_PORT_WS'],
  ['a.exs', 'port: String.to_integer(System.get_env("WS_PORT") || "8080")', 'WS_PORT=$AGENT_PORT_WS'],
  ['Procfile', 'web: node x --port ${WS_PORT:-8080}', 'WS_PORT=$AGENT_PORT_WS'],
  ['application.properties', 'server.port=${WS_PORT:8080}', 'WS_PORT=$AGENT_PORT_WS'],
]

for (const [path, line, setting] of fallbacks) {
  test(`a variable that nothing sets changes no port: ${line.trim()}`, () => {
    assert.deepEqual(
      findIn(path, line).map((hit) => hit.setting),
      [setting],
    )
    const [variable = ''] = setting.split('=')
    const code = line.split('\n')
    assert.deepEqual(findFixedPorts({ path, code }, { ...settings, set: new Set([variable]) }), [])
  })
}

test('ports inside containers are told and are no fault; fixtures and stories are nobody’s ports', () => {
  const inside: [string, string, number[]][] = [
    ['Dockerfile', 'ENV PORT=3000\nEXPOSE 8080', [8080, 3000]],
    ['docker/nginx/site.conf', '  listen 80;', [80]],
    ['k8s/web.yaml', '    - containerPort: 3000', [3000]],
  ]
  for (const [path, text, ports] of inside) {
    assert.deepEqual(findInsidePorts({ path, code: text.split('\n') }), ports)
    assert.deepEqual(findIn(path, text), [])
  }
  assert.deepEqual(findIn('test/a.test.ts', "assert.match(text, parse('http://localhost:3000'))"), [])
  assert.deepEqual(findIn('test/a.test.ts', "['a row of a table', 'http://localhost:3000'],"), [])
  for (const path of ['test/fixtures/a.ts', 'src/x.stories.tsx', '__mocks__/a.ts', 'examples/a.ts']) {
    assert.deepEqual(findIn(path, "fetch('http://localhost:3000')"), [])
  }
})

const read = (path: string, title?: string) => ({ path, outcome: 'read' as const, title })
const left = (path: string) => ({ path, outcome: 'left' as const, title: undefined })

test('what is read and what is not is counted by kind; prose, pictures and lockfiles are neither', () => {
  assert.deepEqual(
    countCoverage([
      read('a.ts'),
      read('b/c.ts'),
      read('Dockerfile', 'Dockerfile'),
      ...['main.swift', 'README.md', 'logo.png', 'yarn.lock', 'pnpm-lock.yaml', 'LICENSE', 'infra/x.tf'].map(left),
      { path: 'big.ts', outcome: 'skipped', title: undefined },
    ]),
    {
      read: [
        { kind: '.ts', files: 2 },
        { kind: 'Dockerfile', files: 1 },
      ],
      notRead: [
        { kind: '.swift', files: 1 },
        { kind: '.tf', files: 1 },
      ],
      skipped: 1,
    },
  )
})

const sourceOf = (path: string, text: string) => {
  const kind = findKind(path)
  const lines = text.split('\n')
  return { path, kind: kind?.kind ?? 'script', lines, code: blankComments(text, kind?.comments ?? 'none').split('\n') }
}

const packageOf = (folder: string, dependency: string) => ({ folder, scripts: {}, dependencies: new Set([dependency]) })

test('each server has one name in all files, the variables of a browser have its prefix, and init can write their lines', () => {
  const sources = [
    sourceOf('apps/api/main.ts', "import express from 'express'\napp.listen(4000)"),
    sourceOf('apps/web/src/api.ts', "export const api = 'http://localhost:4000'"),
    sourceOf('apps/web/server/x.ts', "export const api = 'http://localhost:4000'"),
    sourceOf(
      'apps/web/vite.config.ts',
      "export default { server: { port: 3000, proxy: { '/': 'http://localhost:4000' } } }",
    ),
    sourceOf('apps/shop/page.tsx', "'use client'\nfetch('http://localhost:4000/x')"),
    sourceOf('apps/app/App.tsx', "fetch('http://localhost:4000/x')"),
    sourceOf('apps/old/src/App.js', "fetch('http://localhost:4000/x')"),
    sourceOf('playwright.config.ts', 'use: { baseURL: process.env.BASE_URL ?? `http://localhost:${port ?? 3000}` }'),
    sourceOf('cypress.config.ts', "e2e: { baseUrl: 'http://localhost:3000' }"),
  ]
  const manifests = [
    packageOf('', 'turbo'),
    packageOf('apps/api', 'express'),
    packageOf('apps/web', 'vite'),
    packageOf('apps/shop', 'next'),
    packageOf('apps/app', 'expo'),
    packageOf('apps/old', 'react-scripts'),
  ]
  const names = { remap: { 4000: 'api', 3000: 'app' }, names: ['api'], template: undefined }
  const ports = findPorts(sources, manifests, names, new Set(['PORT']))
  const fixOf = (path: string): string => ports.hits.find((each) => each.path === path)?.hit.fix ?? ''
  assert.match(fixOf('apps/api/main.ts'), /process\.env\.API_PORT\) \|\| 4000/)
  assert.match(fixOf('apps/web/src/api.ts'), /\$\{import\.meta\.env\.VITE_API_PORT \?\? 4000\}/)
  assert.match(fixOf('apps/web/server/x.ts'), /process\.env\.API_PORT/)
  assert.match(fixOf('apps/web/vite.config.ts'), /process\.env\.(?:API_)?PORT/)
  assert.match(fixOf('apps/shop/page.tsx'), /process\.env\.NEXT_PUBLIC_API_PORT/)
  assert.match(fixOf('apps/app/App.tsx'), /process\.env\.EXPO_PUBLIC_API_PORT/)
  assert.match(fixOf('apps/old/src/App.js'), /process\.env\.REACT_APP_API_PORT/)
  assert.deepEqual(portTemplateLines(ports, new Set(['PORT'])).toSorted(), [
    'API_PORT=$AGENT_PORT_API',
    'CYPRESS_BASE_URL=http://localhost:$AGENT_DYNAMIC_PORT',
    'EXPO_PUBLIC_API_PORT=$AGENT_PORT_API',
    'NEXT_PUBLIC_API_PORT=$AGENT_PORT_API',
    'REACT_APP_API_PORT=$AGENT_PORT_API',
    'VITE_API_PORT=$AGENT_PORT_API',
  ])
  assert.deepEqual(testTargetLines(sources, ports.nameOf), [
    'BASE_URL=http://localhost:$AGENT_DYNAMIC_PORT',
    'CYPRESS_BASE_URL=http://localhost:$AGENT_DYNAMIC_PORT',
  ])
})
