// What the page asks instead of a server. A plain script, so that it is there before the page's own.
"use strict";
{
  const serve = "Browsers load no WebAssembly from files: run python -m http.server in this folder, open http://localhost:8000";
  const opened = location.protocol === "file:";  // as a file, without a server
  const facts = opened ? {name: "", num_classes: null, class_names: null} : fetch("kerasgan.json").then((answer) => answer.json());

  const models = async () => {
    const {name, num_classes} = await facts, conditional = num_classes === null ? [] : ["label"];
    const signatures = {
      png: [...conditional, "seed", "truncation"],
      between_png: [...conditional, "position", "seed", "to_seed", "truncation"],
    };
    return [{name, version: 1, signatures, num_classes, classes: "0"}];
  };

  const images = async (model, request) => {
    if (opened) throw new Error(serve);
    const generator = await import("./generator.js");
    return generator.images(await facts, request.signature, request.inputs);
  };

  const about = async (model) => ({...model, class_names: (await facts).class_names});
  window.kerasganSource = {here: true, models, about, images};
}
