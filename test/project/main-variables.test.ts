/** Variables in the config's URLs, filled in with what the main checkout says. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fillFromMain } from '../../lib/project/main-variables.ts'

const config = { environment: { file: '.env.local' } }
const url = 'postgresql://$DB_USER:$DB_PASSWORD@$DB_HOST:5432/$DB_NAME'
const fill = (text: string, env: Record<string, string>): string => fillFromMain(text, 'url', undefined, config, env)

test('a password in parts is taken as it is, whatever it holds; one that is encoded already stays', () => {
  const around = { DB_USER: 'me', DB_HOST: 'localhost', DB_NAME: 'app' }
  for (const password of ['plain', 'a/b@c:d?e#f[g] h', '100%', 'p%40ss']) {
    const { password: found, hostname, pathname } = new URL(fill(url, { ...around, DB_PASSWORD: password }))
    const wanted = password === 'p%40ss' ? 'p@ss' : password
    assert.deepEqual([decodeURIComponent(found), hostname, pathname], [wanted, 'localhost', '/app'])
  }
})

test('a whole URL in a variable is not touched', () => {
  const whole = 'postgresql://me:p%2Fq@localhost:5432/app?sslmode=disable'
  assert.equal(fill('$DATABASE_URL', { DATABASE_URL: whole }), whole)
})
