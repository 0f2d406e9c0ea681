"use strict";

// Values are read off a chart at the step of its slider, or under the pointer.
for (const chart of document.querySelectorAll(".chart")) {
  const data = JSON.parse(chart.querySelector("script").textContent);
  const slider = chart.querySelector("input");
  const cursor = chart.querySelector(".cursor");
  const outputs = chart.querySelectorAll("output");
  const svg = chart.querySelector("svg");
  const read = (visible) => {
    const i = Number(slider.value);
    chart.querySelector(".at").textContent = "step " + data.steps[i].toLocaleString("en");
    Object.values(data.values).forEach((values, k) => {
      const value = values[i];
      outputs[k].textContent = value === null ? "–" : Number(value.toPrecision(5));
    });
    cursor.setAttribute("x1", data.places[i]);
    cursor.setAttribute("x2", data.places[i]);
    cursor.setAttribute("visibility", visible ? "visible" : "hidden");
  };
  slider.addEventListener("input", () => read(true));
  svg.addEventListener("pointermove", (event) => {
    const box = svg.getBoundingClientRect();
    const x = (event.clientX - box.left) / box.width * svg.viewBox.baseVal.width;
    let best = 0;
    data.places.forEach((place, i) => {
      if (Math.abs(place - x) < Math.abs(data.places[best] - x)) best = i;
    });
    slider.value = best;
    read(true);
  });
  read(false);
}

// Pictures that the decoder rendered are chosen by sliders and switches.
if (document.getElementById("explorer")) {
  const data = JSON.parse(document.getElementById("explorer-data").textContent);
  const screen = document.getElementById("screen");
  const sliders = document.getElementById("sliders");
  const switches = document.getElementById("switches");
  const idle = document.getElementById("idle");
  let image, categories, moved = null;

  const element = (name, className, text) => {
    const made = document.createElement(name);
    if (className) made.className = className;
    if (text !== undefined) made.textContent = text;
    return made;
  };
  const state = () => image.states[categories.join(",")];

  // A row and a column of the sheet of the present categories.
  const show = (row, column) => {
    const now = state();
    const rows = Math.max(1, now.rows.length);
    const columns = now.rows.length ? data.columns : 1;
    const at = (i, num) => num > 1 ? 100 * i / (num - 1) + "%" : "0%";
    screen.style.backgroundImage = `url(${now.sheet})`;
    screen.style.backgroundSize = `${100 * columns}% ${100 * rows}%`;
    screen.style.backgroundPosition = `${at(column, columns)} ${at(row, rows)}`;
  };

  const render = () => {
    const now = state();
    sliders.replaceChildren();
    const made = now.rows.map((row, i) => {
      const line = element("label", "slider");
      const name = element("span", "", row.name);
      const input = element("input");
      const output = element("output");
      Object.assign(input, {type: "range", min: 0, max: row.values.length - 1});
      input.setAttribute("aria-label", row.name + (row.about ? ", " + row.about : ""));
      const put = (column) => {
        input.value = column;
        output.textContent = row.values[column].toFixed(2);
        input.setAttribute("aria-valuetext", output.textContent);
      };
      input.addEventListener("input", () => {
        const column = Number(input.value);
        made.forEach((other, k) => other(now.rows[k].start));
        put(column);
        moved = {name: row.name, column};
        show(i, column);
      });
      line.append(name, input, output);
      if (row.about) line.append(element("small", "", row.about));
      sliders.append(line);
      put(row.start);
      return put;
    });
    // With other categories the same latent stays where it was moved to.
    const i = moved ? now.rows.findIndex((row) => row.name === moved.name) : -1;
    if (i >= 0) made[i](moved.column);
    if (i >= 0) show(i, moved.column); else show(0, now.rows.length ? now.rows[0].start : 0);
    const other = data.num_latents - now.rows.length;
    const own = categories.join() === image.own.join();
    if (!now.rows.length && !own) {
      idle.textContent = "Latents can be moved with the image's own categories.";
    } else {
      idle.textContent = other > 0
        ? `Of ${data.num_latents} latents ${other} have no slider here: not used, without a visible effect on this picture, or of less KL than those shown.`
        : "";
    }
  };

  const choice = (legend, options, chosen, pick) => {
    const set = element("fieldset");
    set.append(element("legend", "", legend));
    const name = "choice-" + switches.children.length;
    options.forEach((text, k) => {
      const label = element("label", "switch");
      const input = element("input");
      Object.assign(input, {type: "radio", name, value: k, checked: k === chosen});
      input.addEventListener("change", () => pick(k));
      label.append(input, element("span", "", text));
      set.append(label);
    });
    switches.append(set);
    return set;
  };

  const start = (i) => {
    image = data.images[i];
    categories = image.own.slice();
    moved = null;
    const input = document.getElementById("input");
    document.getElementById("input-box").hidden = !image.input;
    if (image.input) {
      input.style.backgroundImage = `url(${image.input})`;
      input.style.backgroundSize = "100% 100%";
    }
    build(i);
    render();
  };

  // Where not all choices together were rendered, the others go back to their own.
  const pick = (variable, k) => {
    categories[variable] = k;
    if (!state()) {
      categories = image.own.slice();
      categories[variable] = k;
      switches.querySelectorAll("fieldset.variable").forEach((set, v) => {
        set.querySelectorAll("input")[categories[v]].checked = true;
      });
    }
    render();
  };

  const build = (i) => {
    const had = document.activeElement && document.activeElement.name;
    switches.replaceChildren();
    if (data.images.length > 1) {
      choice("begin at", data.images.map((one) => one.label), i, start);
    }
    data.variables.forEach((variable, v) => {
      choice(variable.name, variable.options, categories[v], (k) => pick(v, k))
        .classList.add("variable");
    });
    // The switch that was used keeps the focus.
    if (had) switches.querySelector(`input[name="${had}"]:checked`)?.focus();
  };

  for (const one of document.querySelectorAll(".explorer .screen")) {
    one.style.aspectRatio = `${data.width} / ${data.height}`;
  }
  document.getElementById("reset").addEventListener("click", () => {
    categories = image.own.slice();
    moved = null;
    build(data.images.indexOf(image));
    render();
  });
  start(0);
}
