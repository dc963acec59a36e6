// What Restate's SDK takes for granted and Debian's Node does not have yet. Imported first.
Promise.withResolvers ??= function () {
  const made = {};
  made.promise = new Promise((resolve, reject) => Object.assign(made, { resolve, reject }));
  return made;
};
