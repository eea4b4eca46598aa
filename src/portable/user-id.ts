export const MAX_USER_ID_LENGTH = 255

/** @throws TypeError for anything but 1 to 255 characters that PostgreSQL can store */
export function checkUserId(userId: unknown): string {
  if (typeof userId !== 'string' || userId === '' || userId.length > MAX_USER_ID_LENGTH)
    throw new TypeError(`\`userId\` takes a string of 1 to ${MAX_USER_ID_LENGTH} characters`)
  if (userId.includes('\0') || !userId.isWellFormed())
    throw new TypeError('`userId` takes well-formed Unicode text without U+0000')
  return userId
}
