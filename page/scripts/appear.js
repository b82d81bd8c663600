// What a page adds where scripts run: parts marked `hidden data-script` appear.
for (const part of document.querySelectorAll("[data-script]")) part.hidden = false;
