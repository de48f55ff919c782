/** `test`: the second one, for the project's tests. */
export type DatabasePurpose = 'development' | 'test'
