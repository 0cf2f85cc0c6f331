'use strict';
// Saved histories that the user opens, by the button, the key `o`, or dropped on the page; and the file that the page saves.
fp.files = (() => {
  const by = (id) => document.getElementById(id);
  const MOST_BYTES = 256 * 1024 * 1024;
  const { state } = fp.source;

  const refuse = (text) => {
    by('refused').hidden = !text;
    fp.setProse(by('refused'), text);
  };

  const open = async (files) => {
    refuse('');
    const [file] = files;
    if (!file) return;
    try {
      if (files.length > 1) throw new Error('open one file at a time');
      if (file.size > MOST_BYTES) throw new Error(`it has ${fp.bytes(file.size)}, and no saved history is larger than ${fp.bytes(MOST_BYTES)}`);
      fp.source.openSaved(await file.text(), file.name);
      fp.view.reset();
    } catch (error) {
      refuse(`${file.name}: ${error.message}.`);
    }
  };

  const close = () => {
    refuse('');
    fp.source.closeSaved();
    fp.view.reset();
  };

  // The file of a paused page is read as soon as it pauses, and kept until it goes on: later the program has a later history only.
  let kept = null;
  const readSaved = async () => {
    const answer = await fetch('/save', { cache: 'no-store' });
    if (!answer.ok) throw new Error(`the program answered ${answer.status}`);
    return answer.text();
  };
  const keep = () => {
    kept = readSaved();
    // The failure is told when the user saves.
    kept.catch(() => {});
  };
  const forget = () => { kept = null; };

  // What the button saves now. Without a kept file that is what the program has at this moment.
  const saved = () => kept ?? readSaved();

  const save = async (event) => {
    if (!kept) return;
    event.preventDefault();
    try {
      const address = URL.createObjectURL(new Blob([await saved()], { type: 'text/html' }));
      fp.element('a', { href: address, download: 'framepool.html' }).click();
      setTimeout(() => URL.revokeObjectURL(address), 60_000);
    } catch (error) {
      refuse(`The paused moment cannot be saved: ${error.message}.`);
    }
  };

  // Says which file is shown, and how to leave it; and of when the file is that the page saves.
  const show = () => {
    by('opened').hidden = !state.file;
    by('save').hidden = state.kind === 'saved';
    const { heldAt } = fp.view.pool() ?? {};
    by('save').title = `Save ${kept && heldAt ? `the moment of the pause, ${fp.clock(heldAt)},` : 'this view'} as a file that the page and framepool report open`;
    fp.setText(by('opened-text'), state.file ? `Showing the saved history in ${state.file}. ` : '');
    fp.setText(by('close'), fp.source.hasOwnHistory ? 'Back to the history of this page' : 'Back to the running program');
  };

  const start = () => {
    by('open').addEventListener('click', () => by('file').click());
    by('file').addEventListener('change', () => {
      open([...by('file').files]);
      // The same file can be chosen again.
      by('file').value = '';
    });
    by('close').addEventListener('click', close);
    by('save').addEventListener('click', save);
    const hasFiles = (event) => [...(event.dataTransfer?.types ?? [])].includes('Files');
    document.addEventListener('dragover', (event) => {
      if (!hasFiles(event)) return;
      event.preventDefault();
      document.body.classList.add('dropping');
    });
    document.addEventListener('dragleave', (event) => { if (!event.relatedTarget) document.body.classList.remove('dropping'); });
    document.addEventListener('drop', (event) => {
      if (!hasFiles(event)) return;
      event.preventDefault();
      document.body.classList.remove('dropping');
      open([...event.dataTransfer.files]);
    });
  };

  return { start, show, saved, keep, forget, choose: () => by('file').click(), refuse };
})();
