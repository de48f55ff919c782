/**
 * Something made for a worktree, written down before it is made and released in reverse order. Only its kind knows what the
 * other fields are; `inner` is a path relative to the worktree wherever there is one.
 */
export type Resource = { readonly kind: string; readonly [field: string]: unknown }
