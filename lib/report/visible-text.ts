/** Text from elsewhere (a repository, another process), made safe to look at. */

/** Escapes what a terminal would act on or hide: control characters, direction marks, line separators. */
export function visible(text: string): string {
  return text.replace(
    /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu,
    (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`,
  )
}
