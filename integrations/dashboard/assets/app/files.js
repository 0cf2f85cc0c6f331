'use strict';
// Saved histories that the user opens: by the button, the key `o`, or dropped on the page.
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
      fp.app.reset();
    } catch (error) {
      refuse(`${file.name}: ${error.message}.`);
    }
  };

  const close = () => {
    refuse('');
    fp.source.closeSaved();
    fp.app.reset();
  };

  // Says which file is shown, and how to leave it.
  const show = () => {
    by('opened').hidden = !state.file;
    by('save').hidden = state.kind === 'saved';
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

  return { start, show, choose: () => by('file').click(), refuse };
})();
