
"use strict";
(() => {
  const $ = (id) => document.getElementById(id);
  const data = JSON.parse($("data").textContent);
  const KEYS = "1234567890qwertyuiopasdfghjklzxcvbnm";
  const STORE = "driftcli-queue-" + data.queue;
  let labels = new Map(), who = "", at = 0, undone = [], unsaved = false;

  // ------------------------------------------------ what is known

  const mine = () => {
    if (!labels.has(who)) labels.set(who, new Map());
    return labels.get(who);
  };
  const remember = () => {
    try {
      localStorage.setItem(STORE, JSON.stringify([...labels].map(([name, of]) => [name, [...of]])));
    } catch { /* a browser may forbid it: the file is what counts */ }
  };
  const recall = () => {
    try {
      for (const [name, of] of JSON.parse(localStorage.getItem(STORE) || "[]")) labels.set(name, new Map(of));
      if (labels.size) { who = [...labels.keys()].pop(); unsaved = [...labels.values()].some((of) => of.size); }
    } catch { labels = new Map(); }
  };
  const firstOpen = () => {
    const open = data.items.findIndex((item) => !mine().has(item.id));
    return open < 0 ? data.items.length - 1 : open;
  };

  // ------------------------------------------------ what is shown

  const say = (text) => { $("message").textContent = text; $("message").hidden = !text; };
  const show = () => {
    const item = data.items[at], given = who ? mine().get(item.id) : undefined;
    $("picture").src = "data:image/webp;base64," + item.image;
    $("picture").alt = "Image " + item.id;
    $("where").textContent = "Image " + (at + 1) + " of " + data.items.length;
    const done = who ? data.items.filter((each) => mine().has(each.id)).length : 0;
    $("count").textContent = done + " of " + data.items.length + " labelled" + (unsaved ? ", not saved" : "");
    $("bar").max = data.items.length;
    $("bar").value = done;
    for (const button of $("classes").children) button.setAttribute("aria-pressed", String(button.dataset.name === given));
    $("back").disabled = at === 0;
    $("undo").disabled = !undone.length;
    $("names").replaceChildren(...[...labels.keys()].map((name) => { const one = document.createElement("option"); one.value = name; return one; }));
  };

  // ------------------------------------------------ what is done

  const named = () => {
    if (who) return true;
    say("Write your name first: labels of several people are told apart by it.");
    $("who").focus();
    return false;
  };
  const label = (name) => {
    if (!named()) return;
    const item = data.items[at].id;
    undone.push([who, item, mine().get(item)]);
    mine().set(item, name);
    unsaved = true;
    remember();
    const last = at === data.items.length - 1;
    if (!last) at += 1;
    const all = data.items.every((each) => mine().has(each.id));
    say(all ? "All images are labelled: save the labels." : last ? "This was the last image; some were left open." : "");
    show();
  };
  const undo = () => {
    const step = undone.pop();
    if (!step) return;
    const [name, item, before] = step;
    who = name;
    $("who").value = name;
    if (before === undefined) mine().delete(item); else mine().set(item, before);
    at = data.items.findIndex((each) => each.id === item);
    unsaved = true;
    remember();
    say("");
    show();
  };
  const move = (by) => { at = Math.min(Math.max(at + by, 0), data.items.length - 1); show(); };
  const quoted = (text) => /[",\r\n]/.test(text) ? '"' + text.replaceAll('"', '""') + '"' : text;
  const save = () => {
    if (!named()) return;
    const rows = [["item", "annotator", "label", "queue"]];
    for (const [name, of] of labels) for (const item of data.items) if (of.has(item.id)) rows.push([item.id, name, of.get(item.id), data.queue]);
    const file = new Blob([rows.map((row) => row.map(quoted).join(",")).join("\n") + "\n"], { type: "text/csv" });
    const link = document.createElement("a");
    link.href = URL.createObjectURL(file);
    link.download = "labels-" + (who.replace(/[^\w-]+/g, "_") || "all") + ".csv";
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60000);
    unsaved = false;
    say("Saved to " + link.download + ", where your browser keeps downloads. Hand that file back.");
    show();
  };
  const rowsOf = (text) => {
    const rows = [[""]];
    let inside = false;
    for (let i = 0; i < text.length; i += 1) {
      const sign = text[i], row = rows[rows.length - 1];
      if (inside) {
        if (sign === '"' && text[i + 1] === '"') { row[row.length - 1] += '"'; i += 1; }
        else if (sign === '"') inside = false;
        else row[row.length - 1] += sign;
      } else if (sign === '"') inside = true;
      else if (sign === ",") row.push("");
      else if (sign === "\n") rows.push([""]);
      else if (sign !== "\r") row[row.length - 1] += sign;
    }
    return rows.filter((row) => row.length > 1);
  };
  const open = async (file) => {
    const [head, ...rows] = rowsOf((await file.text()).replace(/^\ufeff/, ""));
    const items = new Set(data.items.map((item) => item.id)), classes = new Set(data.classes);
    const right = head && head.join() === "item,annotator,label,queue" && rows.every(([item, name, one, queue]) => queue === data.queue && items.has(item) && name && classes.has(one));
    if (!right) { say(file.name + " holds no labels of these images; nothing was changed."); return; }
    for (const [item, name, one] of rows) {
      if (!labels.has(name)) labels.set(name, new Map());
      if (!labels.get(name).has(item)) labels.get(name).set(item, one);
    }
    if (!who && rows.length) { who = rows[0][1]; $("who").value = who; }
    remember();
    if (who) { at = firstOpen(); $("who").blur(); }
    say(rows.length + " labels read from " + file.name + ".");
    show();
  };

  // ------------------------------------------------ what is heard

  data.classes.forEach((name, place) => {
    const button = document.createElement("button");
    button.type = "button";
    button.dataset.name = name;
    button.textContent = name;
    if (place < KEYS.length) {
      const key = document.createElement("kbd");
      key.textContent = KEYS[place];
      button.append(key);
    }
    button.addEventListener("click", () => { label(name); button.blur(); });
    $("classes").append(button);
  });
  $("who").addEventListener("input", () => {
    who = $("who").value.trim();
    undone = [];
    if (who) { say(""); at = labels.has(who) ? firstOpen() : 0; }
    show();
  });
  $("who").addEventListener("keydown", (event) => { if (event.key === "Enter") { event.stopPropagation(); $("who").blur(); } });
  $("who").addEventListener("change", () => { for (const [name, of] of labels) if (!of.size && name !== who) labels.delete(name); });
  $("back").addEventListener("click", () => move(-1));
  $("skip").addEventListener("click", () => move(1));
  $("undo").addEventListener("click", undo);
  $("save").addEventListener("click", save);
  $("open").addEventListener("change", () => { if ($("open").files[0]) open($("open").files[0]); $("open").value = ""; });
  document.addEventListener("keydown", (event) => {
    if (event.target instanceof HTMLInputElement || event.ctrlKey || event.metaKey || event.altKey) return;
    const button = event.target instanceof HTMLButtonElement;
    if (button && (event.key === "Enter" || event.key === " ")) return;
    const place = KEYS.indexOf(event.key.toLowerCase());
    if (event.key === "ArrowLeft") move(-1);
    else if (event.key === "ArrowRight" || event.key === " ") move(1);
    else if (event.key === "Backspace") undo();
    else if (event.key === "Enter") save();
    else if (event.key.length === 1 && place >= 0 && place < data.classes.length) label(data.classes[place]);
    else return;
    event.preventDefault();
  });
  window.addEventListener("beforeunload", (event) => { if (unsaved) event.preventDefault(); });
  recall();
  $("who").value = who;
  if (who) at = firstOpen(); else $("who").focus();
  show();
})();
