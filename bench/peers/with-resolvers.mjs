// PostGraphile is made for Node.js 22 and newer. This is the one function of it that version 20 lacks.
Promise.withResolvers ??= function withResolvers() {
  let resolve, reject
  const promise = new this((kept, broken) => {
    resolve = kept
    reject = broken
  })
  return { promise, resolve, reject }
}
