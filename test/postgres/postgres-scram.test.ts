import assert from 'node:assert/strict'
import { test } from 'node:test'
import { answerScram, isServerProven, saslPrep, startScram } from '../../lib/database/postgres/client/scram.ts'

/** RFC 7677, section 3. */
const example = {
  nonce: 'rOprNGfwEbeRWgbNEkqO',
  first: 'r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096',
  proof: 'c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=',
  final: 'v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=',
}

test('the messages are those of the example in RFC 7677', async () => {
  const start = startScram(example.nonce, 'user')
  assert.equal(start.message, 'n,,n=user,r=rOprNGfwEbeRWgbNEkqO')
  const answer = await answerScram(start, example.first, 'pencil')
  assert.ok(typeof answer === 'object')
  assert.equal(answer.message, example.proof)
  assert.ok(isServerProven(answer, example.final))
})

test('a server that does not prove itself is not believed', async () => {
  const answer = await answerScram(startScram(example.nonce, 'user'), example.first, 'pencil')
  assert.ok(typeof answer === 'object')
  for (const final of [
    '',
    'v=',
    'v=7rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=',
    'v=AAAA',
    'e=other-error',
    example.final.slice(2),
  ]) {
    assert.equal(isServerProven(answer, final), false, final)
  }
})

for (const [what, first] of [
  ['a nonce that is not ours', example.first.replace('rOpr', 'rOpq')],
  ['a nonce that is not ours', `r=${example.nonce},s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096`],
  ['2147483647 rounds of hashing', example.first.replace('4096', '2147483647')],
  ['a message that is not SCRAM', example.first.replace('4096', '0')],
  ['a message that is not SCRAM', example.first.replace('4096', '-1')],
  ['a message that is not SCRAM', example.first.replace(/s=[^,]*/, 's=')],
  ['a message that is not SCRAM', 'm=extension,r=x'],
  ['a message that is not SCRAM', ''],
] as const) {
  test(`a server that sends ${what} gets no proof: ${first.slice(0, 12)}…${first.slice(-12)}`, async () => {
    assert.equal(await answerScram(startScram(example.nonce), first, 'pencil'), what)
  })
}

test('each login has a nonce of its own, and no user: the server has it already', () => {
  const [one, other] = [startScram(), startScram()]
  assert.notEqual(one.nonce, other.nonce)
  assert.equal(one.message, `n,,n=,r=${one.nonce}`)
  assert.match(one.nonce, /^[A-Za-z0-9+/]{24}$/)
})

test('a password is prepared as RFC 4013 says, and left as it is where PostgreSQL leaves it', () => {
  for (const [password, prepared] of [
    ['pencil', 'pencil'],
    ['I\u00adX', 'IX'],
    ['USER', 'USER'],
    ['\u00aa', 'a'],
    ['\u2168', 'IX'],
    ['caf\u0065\u0301', 'caf\u00e9'],
    ['a\u00a0b', 'a b'],
    ['\u00ad', '\u00ad'],
    ['tab\t\u2168', 'tab\t\u2168'],
    ['🔑', '🔑'],
  ] as const) {
    assert.equal(saslPrep(password), prepared, JSON.stringify(password))
  }
})
