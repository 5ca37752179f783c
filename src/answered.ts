/**
 * A response that stays open, such as a stream, emits this once its head is written: from then on it is neither a slow request
 * nor one in progress.
 */
export const answered = Symbol('answered');
